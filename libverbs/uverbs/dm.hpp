// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device memory. Regions of it are made by reg_dm_mr (mr.hpp).
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

// The handle. The alignment is that of 2^n bytes.
[[nodiscard]] Result<std::uint32_t> alloc_dm(const Context &context, std::uint64_t length,
                                             std::uint32_t log_alignment, const Udata &udata = {});
[[nodiscard]] Result<void> free_dm(const Context &context, std::uint32_t dm);

}  // namespace verbs::uverbs
