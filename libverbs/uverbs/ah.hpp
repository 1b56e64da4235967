// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

// The handle.
[[nodiscard]] Result<std::uint32_t> create_ah(const Context &context, std::uint32_t pd,
                                              std::uint64_t user_handle,
                                              const ib_uverbs_ah_attr &attr,
                                              const Udata &udata = {});
[[nodiscard]] Result<void> destroy_ah(const Context &context, std::uint32_t ah);

}  // namespace verbs::uverbs
