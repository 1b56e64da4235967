// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion channels: a descriptor that gives struct ib_uverbs_comp_event_desc.
#pragma once

#include "core/fd.hpp"
#include "uverbs/context.hpp"

namespace verbs::uverbs {

[[nodiscard]] Result<UniqueFd> create_comp_channel(const Context &context);

}  // namespace verbs::uverbs
