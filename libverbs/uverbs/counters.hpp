// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sets of hardware counters, attached by the specifications of flows.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

// The handle.
[[nodiscard]] Result<std::uint32_t> create_counters(const Context &context,
                                                    const Udata &udata = {});
// Fills in as many values as there is room for. Flags are enum ib_uverbs_read_counters_flags.
[[nodiscard]] Result<void> read_counters(const Context &context, std::uint32_t counters,
                                         std::span<std::uint64_t> values, std::uint32_t flags,
                                         const Udata &udata = {});
[[nodiscard]] Result<void> destroy_counters(const Context &context, std::uint32_t counters);

}  // namespace verbs::uverbs
