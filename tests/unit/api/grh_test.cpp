// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The 40 bytes in front of a UD message come from the wire.
#include "api/grh.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <cstring>
#include <random>

using verbs::api::read_grh;
using GidType = verbs::api::WayBack::GidType;

namespace {

// An IPv4 header from 10.1.1.2 to 10.1.1.1 at the end of the bytes, its checksum right.
ibv_grh ipv4(unsigned char first = 0x45) {
    unsigned char bytes[40] = {};
    unsigned char *header = bytes + 20;
    const unsigned char plain[20] = {first, 0x20, 0,  60, 0, 0, 0,  0, 64, 17,
                                     0,     0,    10, 1,  1, 2, 10, 1, 1,  1};
    std::memcpy(header, plain, sizeof plain);
    unsigned sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += static_cast<unsigned>(header[i] << 8 | header[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum & 0xffff;
    header[10] = static_cast<unsigned char>(sum >> 8);
    header[11] = static_cast<unsigned char>(sum);
    ibv_grh grh;
    std::memcpy(&grh, bytes, sizeof grh);
    return grh;
}

ibv_grh ipv6(std::uint8_t next_header) {
    ibv_grh grh{};
    grh.version_tclass_flow = ::htonl(6u << 28 | 0xabu << 20 | 0x12345u);
    grh.next_hdr = next_header;
    grh.hop_limit = 33;
    grh.sgid.raw[15] = 2;
    grh.dgid.raw[15] = 1;
    return grh;
}

}  // namespace

TEST(Grh, ReadsAnIpv4HeaderInTheLastTwentyBytes) {
    const auto way = read_grh(ipv4());
    ASSERT_TRUE(way);
    const unsigned char sender[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 2};
    const unsigned char addressed[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 1, 1};
    EXPECT_EQ(std::memcmp(way->sender.raw, sender, 16), 0);
    EXPECT_EQ(std::memcmp(way->addressed.raw, addressed, 16), 0);
    EXPECT_EQ(way->type, GidType::roce_v2);
    EXPECT_EQ(way->traffic_class, 0x20);
    EXPECT_EQ(way->hop_limit, 64);
    EXPECT_EQ(way->flow_label, 0u);
}

TEST(Grh, ReadsAHeaderOfVersion6) {
    const auto way = read_grh(ipv6(17));
    ASSERT_TRUE(way);
    EXPECT_EQ(way->sender.raw[15], 2);
    EXPECT_EQ(way->addressed.raw[15], 1);
    EXPECT_EQ(way->flow_label, 0x12345u);
    EXPECT_EQ(way->traffic_class, 0xab);
    EXPECT_EQ(way->hop_limit, 33);
}

TEST(Grh, KnowsTheKindOfGidByTheNextHeader) {
    EXPECT_EQ(read_grh(ipv6(17))->type, GidType::roce_v2);
    EXPECT_EQ(read_grh(ipv6(0x1b))->type, GidType::ib_or_roce_v1);
    EXPECT_EQ(read_grh(ipv6(0))->type, GidType::any);
}

TEST(Grh, TakesTheIpv4HeaderEvenWhenTheBytesBeforeItLookLikeVersion6) {
    ibv_grh grh = ipv4();
    grh.version_tclass_flow = ::htonl(6u << 28);
    EXPECT_EQ(read_grh(grh)->type, GidType::roce_v2);
}

TEST(Grh, TakesAVersion6HeaderWhoseAddressBeginsLikeIpv4) {
    ibv_grh grh = ipv6(17);
    grh.sgid.raw[12] = 0x45;
    const auto way = read_grh(grh);
    ASSERT_TRUE(way);
    EXPECT_EQ(way->addressed.raw[15], 1);
}

TEST(Grh, RefusesAnIpv4HeaderWithAWrongChecksum) {
    ibv_grh grh = ipv4();
    grh.dgid.raw[15] ^= 1;
    EXPECT_EQ(read_grh(grh).error().code, EINVAL);
}

TEST(Grh, TakesBytesLikeBothWithAWrongChecksumForVersion6) {
    ibv_grh grh = ipv4();
    grh.version_tclass_flow = ::htonl(6u << 28);
    grh.dgid.raw[15] ^= 1;
    const auto way = read_grh(grh);
    ASSERT_TRUE(way);
    EXPECT_EQ(std::memcmp(way->addressed.raw, grh.dgid.raw, sizeof grh.dgid.raw), 0);
}

// As soft-RoCE in the kernel hands it over when the sender is on the same host.
TEST(Grh, TakesAnIpv4HeaderWhoseChecksumIsNotFilledIn) {
    ibv_grh grh = ipv4();
    grh.dgid.raw[6] = grh.dgid.raw[7] = 0;  // its bytes 10 and 11
    const auto way = read_grh(grh);
    ASSERT_TRUE(way);
    EXPECT_EQ(way->sender.raw[15], 2);
    EXPECT_EQ(way->type, GidType::roce_v2);
}

TEST(Grh, RefusesIpv4Options) {
    EXPECT_FALSE(read_grh(ipv4(0x46)));
}

TEST(Grh, RefusesBytesThatAreNeither) {
    EXPECT_FALSE(read_grh(ibv_grh{}));
    ibv_grh grh;
    std::memset(&grh, 0xff, sizeof grh);
    EXPECT_FALSE(read_grh(grh));
}

TEST(Grh, SurvivesAnyBytes) {
    std::mt19937 random(4711);
    for (int round = 0; round < 20'000; ++round) {
        unsigned char bytes[40];
        for (auto &byte : bytes)
            byte = static_cast<unsigned char>(random());
        ibv_grh grh;
        std::memcpy(&grh, bytes, sizeof grh);
        const auto way = read_grh(grh);
        EXPECT_TRUE(!way || way->flow_label <= 0xfffffu);
    }
}
