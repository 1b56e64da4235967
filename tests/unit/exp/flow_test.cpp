// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class FlowRule : public verbs_test::FakeQueuesOfExtendedDevice {
protected:
    void SetUp() override {
        FakeQueuesOfExtendedDevice::SetUp();
        attr.type = IBV_FLOW_ATTR_ALL_DEFAULT;
        attr.size = sizeof attr;
        attr.port = 1;
    }
    ibv_flow_attr attr{};
};

class FlowAction : public verbs_test::ExtendedDevice {
protected:
    ibv_flow_action_esp_attr esp{};
};

}  // namespace

TEST_F(FlowRule, IsOfTheDeviceOfItsQueuePair) {
    errno = kUntouched;
    ibv_flow *flow = ibv_create_flow(qp, &attr);
    ASSERT_NE(flow, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(flow->context, context);
    EXPECT_EQ(last.flow.type, IBV_FLOW_ATTR_ALL_DEFAULT);
    EXPECT_EQ(ibv_destroy_flow(flow), 0);
}

TEST_F(FlowRule, IsRefusedWithTheUnknownOrTooShort) {
    attr.comp_mask = 1;
    EXPECT_EQ(ibv_create_flow(qp, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    attr.comp_mask = 0;
    attr.size = sizeof attr - 1;
    EXPECT_EQ(ibv_create_flow(qp, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_flow(qp, nullptr), nullptr);
    EXPECT_EQ(ibv_create_flow(nullptr, &attr), nullptr);
    EXPECT_EQ(ibv_destroy_flow(nullptr), EINVAL);
    EXPECT_EQ(fake.calls_of("create_flow"), 0);
}

TEST_F(FlowRule, TellsWhyTheProviderRefused) {
    fail("create_flow", EOPNOTSUPP, "no steering");
    EXPECT_EQ(ibv_create_flow(qp, &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: create_flow: no steering");
}

TEST_F(FlowAction, IsMadeChangedAndEnded) {
    esp.comp_mask = IBV_FLOW_ACTION_ESP_MASK_ESN;
    esp.esn = 12;
    ibv_flow_action *action = ibv_create_flow_action_esp(context, &esp);
    ASSERT_NE(action, nullptr) << verbs_last_error();
    EXPECT_EQ(action->context, context);
    EXPECT_EQ(last.esn, 12u);
    esp.esn = 13;
    EXPECT_EQ(ibv_modify_flow_action_esp(action, &esp), 0);
    EXPECT_EQ(last.esn, 13u);
    esp.comp_mask = 2;
    EXPECT_EQ(ibv_modify_flow_action_esp(action, &esp), EINVAL);
    EXPECT_EQ(ibv_destroy_flow_action(action), 0);
}

TEST_F(FlowAction, IsRefusedWithTheUnknown) {
    esp.comp_mask = 2;
    EXPECT_EQ(ibv_create_flow_action_esp(context, &esp), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_flow_action_esp(context, nullptr), nullptr);
    EXPECT_EQ(ibv_create_flow_action_esp(nullptr, &esp), nullptr);
    EXPECT_EQ(ibv_modify_flow_action_esp(nullptr, &esp), EINVAL);
    EXPECT_EQ(ibv_destroy_flow_action(nullptr), EINVAL);
    esp.comp_mask = 0;
    fail("create_flow_action_esp", EOPNOTSUPP);
    EXPECT_EQ(ibv_create_flow_action_esp(context, &esp), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}
