// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Where packets to a GID go on the Ethernet: by the kernel's routes and neighbours, over rtnetlink.
// The core of libnl is enough for that; libnl-route would be loaded into every program.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <array>
#include <cstdint>

namespace verbs::device {

using LinkAddress = std::array<std::uint8_t, 6>;

// The link address of the next hop from `source`, an address of network interface number
// `interface`, to `destination`. A neighbour that is not known yet is asked for, which takes up to
// three seconds. ENETUNREACH: no route, EHOSTUNREACH: no answer.
[[nodiscard]] Result<LinkAddress>
resolve_link_address(std::uint32_t interface, const ibv_gid &source, const ibv_gid &destination);

inline constexpr std::uint16_t kNoVlan = 0xffff;

// The VLAN that the interface is in, or kNoVlan.
[[nodiscard]] Result<std::uint16_t> vlan_of(std::uint32_t interface);

}  // namespace verbs::device
