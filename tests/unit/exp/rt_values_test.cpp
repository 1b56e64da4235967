// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using Clock = verbs_test::ExtendedDevice;

TEST_F(Clock, IsReadFromTheProvider) {
    ibv_values_ex values{};
    values.comp_mask = IBV_VALUES_MASK_RAW_CLOCK;
    EXPECT_EQ(ibv_query_rt_values_ex(context, &values), 0);
    EXPECT_EQ(values.raw_clock.tv_nsec, 99);
    EXPECT_EQ(ibv_query_rt_values_ex(context, nullptr), EINVAL);
    EXPECT_EQ(ibv_query_rt_values_ex(nullptr, &values), EINVAL);
    values.raw_clock.tv_nsec = 1;
    fail("query_rt_values_ex", ENODEV);
    EXPECT_EQ(ibv_query_rt_values_ex(context, &values), ENODEV);
    EXPECT_EQ(values.raw_clock.tv_nsec, 1);
}
