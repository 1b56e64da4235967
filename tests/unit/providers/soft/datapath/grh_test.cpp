// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The header in front of a received datagram.
#include "datapath/grh.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace {

using namespace soft;

DatagramPrefix ipv4_path() {
    DatagramPrefix path{};
    path.sgid[10] = path.sgid[11] = path.dgid[10] = path.dgid[11] = 0xff;
    const uint8_t source[4] = {10, 1, 1, 1};
    const uint8_t target[4] = {10, 1, 1, 2};
    std::memcpy(path.sgid + 12, source, 4);
    std::memcpy(path.dgid + 12, target, 4);
    path.hop_limit = 9;
    return path;
}

TEST(Grh, OfIpv4AddressesIsAnIpv4HeaderInItsSecondHalf) {
    const Grh grh = make_grh(ipv4_path(), 100);
    const uint8_t *ip = grh.bytes.data() + 20;
    EXPECT_EQ(ip[0], 0x45);
    EXPECT_EQ(ip[2] << 8 | ip[3], 20 + 8 + 12 + 8 + 100 + 4);
    EXPECT_EQ(ip[8], 9);
    EXPECT_EQ(ip[9], 17);
    EXPECT_EQ(ip[15], 1);
    EXPECT_EQ(ip[19], 2);
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(grh.bytes[static_cast<std::size_t>(i)], 0) << i;
}

TEST(Grh, OfIpv4AddressesHasAChecksumThatHolds) {
    const Grh grh = make_grh(ipv4_path(), 100);
    uint32_t sum = 0;
    for (std::size_t i = 20; i < 40; i += 2)
        sum += static_cast<uint32_t>(grh.bytes[i] << 8 | grh.bytes[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    EXPECT_EQ(sum, 0xffffu);
}

TEST(Grh, TellsItsLayoutByTheServiceLevel) {
    EXPECT_EQ(make_grh(ipv4_path(), 1).service_level, 2);
    EXPECT_EQ(make_grh(DatagramPrefix{}, 1).service_level, 0);
}

TEST(Grh, OfIpv6AddressesIsAnIpv6Header) {
    DatagramPrefix path{};
    path.sgid[15] = 1;
    path.dgid[15] = 2;
    path.traffic_class = 0xab;
    const Grh grh = make_grh(path, 5);
    EXPECT_EQ(grh.bytes[0], 0x6a);
    EXPECT_EQ(grh.bytes[1], 0xb0);
    EXPECT_EQ(grh.bytes[4] << 8 | grh.bytes[5], 8 + 12 + 8 + 8 + 4);
    EXPECT_EQ(grh.bytes[6], 17);
    EXPECT_EQ(grh.bytes[7], 64) << "a hop limit of 0 could not be sent";
    EXPECT_EQ(grh.bytes[23], 1);
    EXPECT_EQ(grh.bytes[39], 2);
}

DatagramPrefix infiniband_path() {
    DatagramPrefix path{};
    path.flags = kPathInfiniband;
    path.service_level = 5;
    path.sgid[0] = path.dgid[0] = 0xfe;
    path.sgid[1] = path.dgid[1] = 0x80;
    return path;
}

TEST(Grh, FromAnInfinibandPortIsTheSpecificationsOwn) {
    const Grh grh = make_grh(infiniband_path(), 5);
    EXPECT_EQ(grh.bytes[0] >> 4, 6);
    EXPECT_EQ(grh.bytes[4] << 8 | grh.bytes[5], 12 + 8 + 8 + 4);
    EXPECT_EQ(grh.bytes[6], 0x1b);
    EXPECT_EQ(grh.bytes[8], 0xfe);
    EXPECT_EQ(grh.bytes[24], 0xfe);
    EXPECT_EQ(grh.service_level, 5) << "as it was sent";
}

TEST(Grh, OfAPathByLidIsNothing) {
    DatagramPrefix path = infiniband_path();
    path.flags |= kPathWithoutGrh;
    const Grh grh = make_grh(path, 5);
    for (const uint8_t byte : grh.bytes)
        EXPECT_EQ(byte, 0);
    EXPECT_EQ(grh.service_level, 5);
}

}  // namespace
