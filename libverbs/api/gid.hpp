// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One entry of a port's GID table with its type, for the public query, the hooks and the search
// for the way back to a sender.
#pragma once

#include "core/result.hpp"
#include "device/context.hpp"

namespace verbs::api {

// ENODATA for an entry inside the table that is empty.
[[nodiscard]] Result<verbs_provider_gid> gid_entry(device::Context &context, std::uint8_t port_num,
                                                   int index);

}  // namespace verbs::api
