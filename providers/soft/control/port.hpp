// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Port: what may change about a device's port while it is open. One writer (whoever holds the
// process's mutex); readers take no lock, since receiving a datagram looks at the GIDs.
#pragma once

#include "control/limits.hpp"

#include <infiniband/verbs.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace soft {

class GidTable {
public:
    struct Change {
        bool any = false;
        std::size_t left_out = 0;  // GIDs for which there was no room
    };

    // Makes the table hold `gids`. One that it holds already keeps its index; one that is gone
    // leaves its place empty (zero) until a new one takes it.
    Change update(const std::vector<ibv_gid> &gids) noexcept;

    // Zero where the place is empty. `index` is inside the table.
    [[nodiscard]] ibv_gid at(int index) const noexcept;
    [[nodiscard]] bool contains(const uint8_t *gid) const noexcept;

private:
    using Gids = std::array<ibv_gid, kGidTableLength>;
    // Two of them: the one that version's lowest bit names is read while the other one is written.
    using Words = std::array<std::atomic<uint64_t>, 2 * kGidTableLength>;

    [[nodiscard]] Gids snapshot() const noexcept;
    void publish(const Gids &gids) noexcept;

    std::atomic<uint32_t> version_{0};
    std::array<Words, 2> tables_{};
};

struct Port {
    GidTable gids;
    std::atomic<bool> is_active{false};
    std::atomic<uint32_t> mtu{0};      // of the network interface, bytes
    std::atomic<bool> is_gone{false};  // the interface was removed: for good
};

}  // namespace soft
