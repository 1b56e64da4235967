// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

// The handle.
[[nodiscard]] Result<std::uint32_t> alloc_pd(const Context &context, const Udata &udata = {});
[[nodiscard]] Result<void> dealloc_pd(const Context &context, std::uint32_t pd);

}  // namespace verbs::uverbs
