// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Header layouts: RFC 791 and RFC 8200; what follows them on a wire is UDP 8 + BTH 12 + DETH 8
// bytes, the data padded to four, and the ICRC.
#include "datapath/grh.hpp"

#include <cstring>

namespace soft {

namespace {

constexpr uint8_t kProtocolUdp = 17;
constexpr uint32_t kAroundData = 8 + 12 + 8 + 4;
constexpr uint8_t kNextHeaderIba = 0x1b;                // IBTA 8.3, NxtHdr
constexpr uint32_t kAroundDataInfiniband = 12 + 8 + 4;  // no UDP
constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void store_be16(uint8_t *at, uint32_t value) noexcept {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

uint16_t internet_checksum(const uint8_t *data, std::size_t size) noexcept {
    uint32_t sum = 0;
    for (std::size_t i = 0; i < size; i += 2)
        sum += static_cast<uint32_t>(data[i] << 8 | data[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

}  // namespace

Grh make_grh(const DatagramPrefix &path, uint32_t length) noexcept {
    Grh grh;
    uint8_t *bytes = grh.bytes.data();
    const bool is_infiniband = (path.flags & kPathInfiniband) != 0;
    if (is_infiniband) grh.service_level = path.service_level & 15;
    if ((path.flags & kPathWithoutGrh) != 0) return grh;
    const uint32_t payload =
        (is_infiniband ? kAroundDataInfiniband : kAroundData) + ((length + 3) & ~3u);
    const uint8_t hops = path.hop_limit != 0 ? path.hop_limit : 64;
    if (!is_infiniband && std::memcmp(path.dgid, kMappedPrefix, sizeof kMappedPrefix) == 0) {
        uint8_t *ip = bytes + 20;
        ip[0] = 0x45;
        ip[1] = path.traffic_class;
        store_be16(ip + 2, 20 + payload);
        ip[6] = 0x40;  // do not fragment
        ip[8] = hops;
        ip[9] = kProtocolUdp;
        std::memcpy(ip + 12, path.sgid + 12, 4);
        std::memcpy(ip + 16, path.dgid + 12, 4);
        store_be16(ip + 10, internet_checksum(ip, 20));
        grh.service_level = kServiceLevelIpv4;
    } else {
        bytes[0] = static_cast<uint8_t>(0x60 | path.traffic_class >> 4);
        bytes[1] = static_cast<uint8_t>(path.traffic_class << 4);
        store_be16(bytes + 4, payload);
        bytes[6] = is_infiniband ? kNextHeaderIba : kProtocolUdp;
        bytes[7] = hops;
        std::memcpy(bytes + 8, path.sgid, 16);
        std::memcpy(bytes + 24, path.dgid, 16);
    }
    return grh;
}

}  // namespace soft
