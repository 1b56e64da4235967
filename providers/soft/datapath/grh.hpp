// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The 40 bytes that stand before a received datagram: an IPv6-style GRH, or an IPv4 header in
// their second half where the addresses are IPv4-mapped (IBTA annex A17, RoCEv2). From a port with
// InfiniBand link layer it is IBTA's own GRH, or nothing (zeros) where the path was by LID.
#pragma once

#include "link/layout.hpp"

#include <array>
#include <cstdint>

namespace soft {

inline constexpr uint32_t kGrhBytes = 40;

// What wc.sl says of a RoCE datagram's header; clients pick the layout by it. From an InfiniBand
// port it is the service level that was sent.
inline constexpr uint8_t kServiceLevelIpv4 = 2;
inline constexpr uint8_t kServiceLevelIpv6 = 0;

struct Grh {
    std::array<uint8_t, kGrhBytes> bytes{};
    uint8_t service_level = kServiceLevelIpv6;
};

// `length` is that of the datagram's data.
[[nodiscard]] Grh make_grh(const DatagramPrefix &path, uint32_t length) noexcept;

}  // namespace soft
