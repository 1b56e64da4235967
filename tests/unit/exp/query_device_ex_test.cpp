// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class ExtendedQuery : public verbs_test::ExtendedDevice {
protected:
    ibv_device_attr_ex attr{};
};

}  // namespace

TEST_F(ExtendedQuery, GivesWhatTheProviderTells) {
    ASSERT_EQ(ibv_query_device_ex(context, nullptr, &attr), 0);
    EXPECT_EQ(attr.orig_attr.max_qp, 4711);
    EXPECT_EQ(attr.hca_core_clock, 1000u);
    EXPECT_EQ(attr.phys_port_cnt_ex, 3u);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(ExtendedQuery, RefusesAnInputThatItDoesNotKnow) {
    ibv_query_device_ex_input input{};
    EXPECT_EQ(ibv_query_device_ex(context, &input, &attr), 0);
    input.comp_mask = 1;
    EXPECT_EQ(ibv_query_device_ex(context, &input, &attr), EINVAL);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_STREQ(verbs_last_error(), "no field of the input is known");
}

TEST_F(ExtendedQuery, RefusesNull) {
    EXPECT_EQ(ibv_query_device_ex(nullptr, nullptr, &attr), EINVAL);
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, nullptr), EINVAL);
}

TEST_F(ExtendedQuery, LeavesTheAnswerAloneWhenTheProviderFails) {
    attr.hca_core_clock = 5;
    fail("query_device_ex", EIO, "the device is on fire");
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, &attr), EIO);
    EXPECT_STREQ(verbs_last_error(), "fake: query_device_ex: the device is on fire");
    EXPECT_EQ(attr.hca_core_clock, 5u);
}
