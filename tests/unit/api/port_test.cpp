// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <cstring>

namespace {
class PortApi : public verbs_test::OpenFakeDevice {};
}  // namespace

TEST_F(PortApi, WritesTheStructureOfThisHeaderAndNoMore) {
    struct {
        ibv_port_attr attr;
        unsigned char behind[16];
    } room;
    std::memset(&room, 0xaa, sizeof room);
    EXPECT_EQ(ibv_query_port(context, 1, &room.attr), 0);
    EXPECT_EQ(room.attr.state, IBV_PORT_ACTIVE);
    EXPECT_EQ(room.attr.port_cap_flags2, 0x5a5a);
    EXPECT_EQ(room.attr.lid, 0);
    EXPECT_EQ(room.behind[0], 0xaa);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(PortApi, RefusesAPortThatIsNotThere) {
    ibv_port_attr attr{};
    attr.lid = 9;
    EXPECT_EQ(ibv_query_port(context, 2, &attr), EINVAL);
    EXPECT_EQ(attr.lid, 9);
    EXPECT_EQ(ibv_query_port(context, 1, nullptr), EINVAL);
}
