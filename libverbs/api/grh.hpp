// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading the 40 bytes in front of a UD message: they came from the wire, and hold either a GRH
// (RoCE v1 and InfiniBand), an IPv6 header of the same shape, or an IPv4 header in the last 20
// bytes (RoCE v2). Reads only; nothing of it is trusted.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <cstdint>

namespace verbs::api {

struct WayBack {
    enum class GidType : std::uint8_t { any, ib_or_roce_v1, roce_v2 };
    union ibv_gid sender {};     // who to answer
    union ibv_gid addressed {};  // which of our GIDs was meant
    GidType type = GidType::any;
    std::uint32_t flow_label = 0;
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 0;
};

// EINVAL when the bytes are neither.
[[nodiscard]] Result<WayBack> read_grh(const ibv_grh &grh);

}  // namespace verbs::api
