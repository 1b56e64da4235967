// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class Counters : public verbs_test::FakeQueuesOfExtendedDevice {
protected:
    void SetUp() override {
        FakeQueuesOfExtendedDevice::SetUp();
        counters = ibv_create_counters(context, &init);
        ASSERT_NE(counters, nullptr) << verbs_last_error();
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_destroy_counters(counters), 0);
        FakeQueuesOfExtendedDevice::TearDown();
    }
    ibv_counters_init_attr init{};
    ibv_counters *counters = nullptr;
};

}  // namespace

TEST_F(Counters, AreOfTheContext) {
    EXPECT_EQ(counters->context, context);
    init.comp_mask = 1;
    EXPECT_EQ(ibv_create_counters(context, &init), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_counters(context, nullptr), nullptr);
    EXPECT_EQ(ibv_create_counters(nullptr, &init), nullptr);
    EXPECT_EQ(ibv_destroy_counters(nullptr), EINVAL);
}

TEST_F(Counters, AreAttachedToARule) {
    ibv_flow_attr attr{};
    attr.size = sizeof attr;
    ibv_flow *flow = ibv_create_flow(qp, &attr);
    ASSERT_NE(flow, nullptr) << verbs_last_error();
    ibv_counter_attach_attr what{IBV_COUNTER_BYTES, 3, 0};
    EXPECT_EQ(ibv_attach_counters_point_flow(counters, &what, flow), 0);
    EXPECT_EQ(last.counter.counter_desc, IBV_COUNTER_BYTES);
    EXPECT_EQ(last.counter.index, 3u);
    EXPECT_EQ(last.counted, flow);
    EXPECT_EQ(ibv_attach_counters_point_flow(counters, &what, nullptr), 0);
    EXPECT_EQ(last.counted, nullptr);
    what.comp_mask = 1;
    EXPECT_EQ(ibv_attach_counters_point_flow(counters, &what, flow), EINVAL);
    EXPECT_EQ(ibv_attach_counters_point_flow(counters, nullptr, flow), EINVAL);
    what.comp_mask = 0;
    ibv_flow foreign{};
    EXPECT_EQ(ibv_attach_counters_point_flow(counters, &what, &foreign), EINVAL);
    EXPECT_STREQ(verbs_last_error(), "flow belongs to another open device");
    EXPECT_EQ(ibv_destroy_flow(flow), 0);
}

TEST_F(Counters, AreReadAsFarAsThereIsRoom) {
    uint64_t values[3] = {0, 0, 7};
    EXPECT_EQ(ibv_read_counters(counters, values, 2, IBV_READ_COUNTERS_ATTR_PREFER_CACHED), 0);
    EXPECT_EQ(last.flags, unsigned{IBV_READ_COUNTERS_ATTR_PREFER_CACHED});
    EXPECT_EQ(values[0], 100u);
    EXPECT_EQ(values[1], 101u);
    EXPECT_EQ(values[2], 7u);
    EXPECT_EQ(ibv_read_counters(counters, values, 2, 2), EINVAL);
    EXPECT_EQ(ibv_read_counters(counters, nullptr, 2, 0), EINVAL);
    fail("read_counters", EOPNOTSUPP);
    EXPECT_EQ(ibv_read_counters(counters, values, 2, 0), EOPNOTSUPP);
}
