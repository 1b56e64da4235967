// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// LIDs, the addresses of ports with InfiniBand link layer. All such ports that can meet are on this
// host, and QP numbers are unique on it, so one LID serves them all. Inside, a path by LID is a GID
// that no port has: everything that looks at destinations looks at GIDs.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>
#include <cstring>

namespace soft {

inline constexpr uint16_t kLid = 1;
inline constexpr uint16_t kNoLid = 0;

// 4c49::LID, in IPv6 space that is not assigned.
[[nodiscard]] inline ibv_gid lid_route(uint16_t lid) noexcept {
    ibv_gid gid{};
    gid.raw[0] = 'L';
    gid.raw[1] = 'I';
    gid.raw[14] = static_cast<uint8_t>(lid >> 8);
    gid.raw[15] = static_cast<uint8_t>(lid);
    return gid;
}

[[nodiscard]] inline bool is_same_gid(const ibv_gid &a, const uint8_t *b) noexcept {
    return std::memcmp(a.raw, b, sizeof a.raw) == 0;
}

}  // namespace soft
