// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The network interfaces of this namespace, as far as a software device cares: name, state, MTU
// and addresses, the latter as GIDs.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soft {

struct Interface {
    int index = 0;
    std::string name;
    bool is_up = false;       // administratively
    bool is_running = false;  // has carrier
    bool is_loopback = false;
    uint32_t mtu = 0;
    std::array<uint8_t, 6> mac{};
    // IPv4 first (as ::ffff:a.b.c.d), then global IPv6, then link-local: index 0 is an address
    // that a peer can be given.
    std::vector<ibv_gid> gids;
};

// All interfaces, ordered by index with loopback last.
verbs::Result<std::vector<Interface>> list_interfaces();

// The one with that index, if it is there.
verbs::Result<std::optional<Interface>> find_interface(int index);

// Whether the GID is an address of this host in this namespace.
verbs::Result<bool> is_local_address(const ibv_gid &gid);

}  // namespace soft
