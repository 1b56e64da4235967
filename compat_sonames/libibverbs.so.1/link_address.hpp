// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where packets to a GID go on the Ethernet: by the kernel's routes and neighbours, over rtnetlink.
// The core of libnl is enough for that; libnl-route would be loaded into every program.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>

namespace verbs::compat {

// Writes the link address of the next hop from `source`, an address of network interface number
// `interface`, to `destination`. A neighbour that is not known yet is asked for, which takes up to
// three seconds. Returns 0 or an errno value: ENETUNREACH no route, EHOSTUNREACH no answer.
int resolve_link_address(uint32_t interface, const ibv_gid &source, const ibv_gid &destination,
                         uint8_t (&mac)[6]);

constexpr uint16_t kNoVlan = 0xffff;

// Writes the VLAN that the interface is in, or kNoVlan. Returns 0 or an errno value.
int vlan_of(uint32_t interface, uint16_t &vlan);

}  // namespace verbs::compat
