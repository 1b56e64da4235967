// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using PortSpeed = verbs_test::ExtendedDevice;

TEST_F(PortSpeed, IsWhatTheProviderTells) {
    errno = kUntouched;
    uint64_t speed = 0;
    EXPECT_EQ(ibv_query_port_speed(context, 2, &speed), 0);
    EXPECT_EQ(speed, 1002u);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(PortSpeed, StaysAsItWasWhenItIsRefused) {
    uint64_t speed = 5;
    EXPECT_EQ(ibv_query_port_speed(context, 1, nullptr), EINVAL);
    EXPECT_EQ(ibv_query_port_speed(nullptr, 1, &speed), EINVAL);
    fail("query_port_speed", EOPNOTSUPP, "not told");
    EXPECT_EQ(ibv_query_port_speed(context, 1, &speed), EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: query_port_speed: not told");
    EXPECT_EQ(speed, 5u);
}
