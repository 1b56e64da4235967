// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using RateLimit = verbs_test::FakeQueuesOfExtendedDevice;

TEST_F(RateLimit, IsSetByTheProvider) {
    ibv_qp_rate_limit_attr limit{1000, 20, 3, 0};
    EXPECT_EQ(ibv_modify_qp_rate_limit(qp, &limit), 0);
    EXPECT_EQ(last.rate_limit.rate_limit, 1000u);
    EXPECT_EQ(last.rate_limit.max_burst_sz, 20u);
    EXPECT_EQ(last.rate_limit.typical_pkt_sz, 3);
}

TEST_F(RateLimit, IsRefusedWithTheUnknownOrWhereTheDeviceHasNone) {
    ibv_qp_rate_limit_attr limit{1000, 20, 3, 1};
    EXPECT_EQ(ibv_modify_qp_rate_limit(qp, &limit), EINVAL);
    EXPECT_EQ(ibv_modify_qp_rate_limit(qp, nullptr), EINVAL);
    limit.comp_mask = 0;
    EXPECT_EQ(ibv_modify_qp_rate_limit(nullptr, &limit), EINVAL);
    EXPECT_EQ(fake.calls_of("modify_qp_rate_limit"), 0);
    fail("modify_qp_rate_limit", EOPNOTSUPP, "no pacing");
    EXPECT_EQ(ibv_modify_qp_rate_limit(qp, &limit), EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: modify_qp_rate_limit: no pacing");
}
