// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows. Binding is a request in a send queue, which is the provider's.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

struct Mw {
    std::uint32_t handle;
    std::uint32_t rkey;
};

// Type 1 or 2.
[[nodiscard]] Result<Mw> alloc_mw(const Context &context, std::uint32_t pd, std::uint8_t type,
                                  const Udata &udata = {});
[[nodiscard]] Result<void> dealloc_mw(const Context &context, std::uint32_t mw);

}  // namespace verbs::uverbs
