// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/grh.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

namespace verbs::api {
namespace {

constexpr std::uint8_t kNextHeaderIba = 0x1b;  // IBTA volume 1, 8.3 (GRH, NxtHdr)

using Bytes = std::array<std::uint8_t, sizeof(ibv_grh)>;
static_assert(sizeof(ibv_grh) == 40);
constexpr std::size_t kIpv4At = 20;

// RFC 1071: the ones' complement sum over a header that is intact is all ones.
bool has_valid_checksum(const std::uint8_t *header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < 20; i += 2)
        sum += static_cast<std::uint32_t>(header[i] << 8 | header[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

bool is_version_6(const Bytes &bytes) {
    return bytes[0] >> 4 == 6;
}

// A message that never left its host may have a header whose checksum nobody filled in: soft-RoCE
// in the kernel hands it over like that.
bool has_no_checksum(const std::uint8_t *header) {
    return header[10] == 0 && header[11] == 0;
}

// Version 4, five words: RoCE v2 knows no IPv4 options. The checksum tells it from the middle of
// an IPv6 header that happens to begin alike.
bool is_ipv4(const Bytes &bytes) {
    const std::uint8_t *header = &bytes[kIpv4At];
    if (header[0] != 0x45) return false;
    return has_valid_checksum(header) || (has_no_checksum(header) && !is_version_6(bytes));
}

// ::ffff:a.b.c.d, the GID of an IPv4 address.
ibv_gid mapped(const std::uint8_t *address) {
    ibv_gid gid{};
    gid.raw[10] = gid.raw[11] = 0xff;
    std::memcpy(&gid.raw[12], address, 4);
    return gid;
}

WayBack from_ipv4(const Bytes &bytes) {
    const std::uint8_t *header = &bytes[kIpv4At];
    WayBack way;
    way.sender = mapped(header + 12);
    way.addressed = mapped(header + 16);
    way.type = WayBack::GidType::roce_v2;
    way.traffic_class = header[1];
    way.hop_limit = header[8];
    return way;
}

WayBack from_ipv6(const ibv_grh &grh) {
    const std::uint32_t first = ::ntohl(grh.version_tclass_flow);
    WayBack way;
    way.sender = grh.sgid;
    way.addressed = grh.dgid;
    if (grh.next_hdr == IPPROTO_UDP) way.type = WayBack::GidType::roce_v2;
    if (grh.next_hdr == kNextHeaderIba) way.type = WayBack::GidType::ib_or_roce_v1;
    way.flow_label = first & IB_GRH_FLOWLABEL_MASK;
    way.traffic_class = static_cast<std::uint8_t>(first >> 20);
    way.hop_limit = grh.hop_limit;
    return way;
}

}  // namespace

Result<WayBack> read_grh(const ibv_grh &grh) {
    Bytes bytes;
    std::memcpy(bytes.data(), &grh, bytes.size());
    if (is_ipv4(bytes)) return from_ipv4(bytes);
    if (is_version_6(bytes)) return from_ipv6(grh);
    return fail(EINVAL, "the 40 bytes in front of the message are no header that is known");
}

}  // namespace verbs::api
