// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The way to a GID on the Ethernet, for the hooks: libverbs has no public name for it.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>

namespace verbs::api {

// Writes the link address of the next hop, and the VLAN of the way, or 0xffff; either may be NULL.
// Shape errno.
int resolve_eth(ibv_context *context, const ibv_ah_attr *attr, std::uint8_t *eth_mac,
                std::uint16_t *vid) noexcept;

}  // namespace verbs::api
