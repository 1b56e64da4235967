// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using Moderation = verbs_test::ExtendedDevice;

TEST_F(Moderation, IsSetByTheProvider) {
    ibv_cq *cq = ibv_create_cq(context, 8, nullptr, nullptr, 0);
    ASSERT_NE(cq, nullptr);
    ibv_modify_cq_attr moderation{IBV_CQ_ATTR_MODERATE, {10, 20}};
    EXPECT_EQ(ibv_modify_cq(cq, &moderation), 0);
    EXPECT_EQ(last.moderation.moderate.cq_period, 20);
    moderation.attr_mask = 2;
    EXPECT_EQ(ibv_modify_cq(cq, &moderation), EOPNOTSUPP);
    EXPECT_EQ(ibv_modify_cq(cq, nullptr), EINVAL);
    EXPECT_EQ(ibv_modify_cq(nullptr, &moderation), EINVAL);
    EXPECT_EQ(fake.calls_of("modify_cq"), 1);
    EXPECT_EQ(ibv_destroy_cq(cq), 0);
}
