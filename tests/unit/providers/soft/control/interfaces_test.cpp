// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel says of this host's interfaces.
#include "control/device.hpp"
#include "control/interfaces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace {

using namespace soft;

ibv_gid mapped(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    ibv_gid gid{};
    gid.raw[10] = gid.raw[11] = 0xff;
    const uint8_t bytes[4] = {a, b, c, d};
    std::memcpy(gid.raw + 12, bytes, 4);
    return gid;
}

TEST(Interfaces, EndWithTheLoopbackWhoseFirstGidIsItsIpv4Address) {
    const auto interfaces = list_interfaces();
    ASSERT_TRUE(interfaces.has_value()) << interfaces.error().phrase;
    ASSERT_FALSE(interfaces->empty());
    const Interface &last = interfaces->back();
    EXPECT_EQ(last.name, "lo");
    EXPECT_TRUE(last.is_loopback);
    ASSERT_FALSE(last.gids.empty());
    const ibv_gid expected = mapped(127, 0, 0, 1);
    EXPECT_EQ(std::memcmp(last.gids[0].raw, expected.raw, 16), 0);
}

TEST(Interfaces, SayWhichAddressesAreThisHost) {
    EXPECT_EQ(is_local_address(mapped(127, 0, 0, 1)).value_or(false), true);
    EXPECT_EQ(is_local_address(mapped(127, 9, 9, 9)).value_or(false), true);
    EXPECT_EQ(is_local_address(mapped(203, 0, 113, 77)).value_or(true), false);
}

TEST(Interfaces, GiveTheirDeviceAnIdentifierFromTheMac) {
    Interface interface;
    interface.mac = {0x02, 0xfc, 0, 0, 0, 0x01};
    const uint64_t guid_be = make_guid_be(interface);
    const uint8_t expected[8] = {0x00, 0xfc, 0, 'v', 'b', 0, 0, 0x01};
    EXPECT_EQ(std::memcmp(&guid_be, expected, 8), 0);
}

TEST(Interfaces, WithoutAMacGiveDistinctIdentifiers) {
    Interface one;
    one.index = 1;
    Interface two;
    two.index = 2;
    EXPECT_NE(make_guid_be(one), make_guid_be(two));
}

TEST(Interfaces, LimitTheMtuToWhatFitsTheirPackets) {
    EXPECT_EQ(fitting_mtu(65536), IBV_MTU_4096);
    EXPECT_EQ(fitting_mtu(9000), IBV_MTU_4096);
    EXPECT_EQ(fitting_mtu(1500), IBV_MTU_1024);
    EXPECT_EQ(fitting_mtu(1024), IBV_MTU_512);
    EXPECT_EQ(fitting_mtu(0), IBV_MTU_256);
}

}  // namespace
