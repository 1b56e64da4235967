// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using ConnectionOptions = verbs_test::FakeQueuesOfExtendedDevice;

TEST_F(ConnectionOptions, AreReadFromTheProvider) {
    ibv_ece ece{1, 1, 1};
    EXPECT_EQ(ibv_query_ece(qp, &ece), 0);
    EXPECT_EQ(ece.vendor_id, 0x0815u);
    EXPECT_EQ(ece.options, 6u);
    EXPECT_EQ(ece.comp_mask, 0u);
    fail("query_ece", EOPNOTSUPP, "none");
    EXPECT_EQ(ibv_query_ece(qp, &ece), EOPNOTSUPP);
    EXPECT_EQ(ece.options, 6u);
}

TEST_F(ConnectionOptions, ThatAreSetComeBackAsTheyAreTaken) {
    ibv_ece ece{0x0815, 3, 0};
    EXPECT_EQ(ibv_set_ece(qp, &ece), 0);
    EXPECT_EQ(ece.options, 2u);
}

TEST_F(ConnectionOptions, OfNoVendorAreRefusedAsByADeviceWithoutSome) {
    ibv_ece ece{};
    EXPECT_EQ(ibv_set_ece(qp, &ece), EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "the options are of no vendor");
    EXPECT_EQ(fake.calls_of("set_ece"), 0);
}

TEST_F(ConnectionOptions, AreRefusedWithTheUnknown) {
    ibv_ece ece{0x0815, 1, 1};
    EXPECT_EQ(ibv_set_ece(qp, &ece), EINVAL);
    EXPECT_EQ(ibv_set_ece(qp, nullptr), EINVAL);
    EXPECT_EQ(ibv_set_ece(nullptr, &ece), EINVAL);
    EXPECT_EQ(ibv_query_ece(qp, nullptr), EINVAL);
    EXPECT_EQ(ibv_query_ece(nullptr, &ece), EINVAL);
    EXPECT_EQ(fake.calls_of("set_ece"), 0);
}
