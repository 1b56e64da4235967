// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {

class SrqApi : public verbs_test::OpenFakeDevice {
protected:
    void SetUp() override {
        OpenFakeDevice::SetUp();
        ibv_srq_init_attr attr{};
        attr.srq_context = this;
        srq = ibv_create_srq(pd, &attr);
        ASSERT_NE(srq, nullptr);
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_destroy_srq(srq), 0);
        OpenFakeDevice::TearDown();
    }

    ibv_srq *srq = nullptr;
};

}  // namespace

TEST_F(SrqApi, HoldsWhatItWasMadeWith) {
    EXPECT_EQ(srq->context, context);
    EXPECT_EQ(srq->srq_context, this);
    EXPECT_EQ(srq->pd, pd);
    EXPECT_EQ(srq->events_completed, 0u);
}

TEST_F(SrqApi, RefusesUnknownBits) {
    ibv_srq_attr attr{};
    EXPECT_EQ(ibv_modify_srq(srq, &attr, 1 << 2), EINVAL);
    EXPECT_EQ(ibv_modify_srq(srq, nullptr, IBV_SRQ_LIMIT), EINVAL);
    EXPECT_EQ(ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT | IBV_SRQ_MAX_WR), 0);
}

TEST_F(SrqApi, ReadsWhatTheProviderTells) {
    ibv_srq_attr attr{};
    EXPECT_EQ(ibv_query_srq(srq, &attr), 0);
    EXPECT_EQ(attr.max_wr, 12u);
    EXPECT_EQ(ibv_query_srq(srq, nullptr), EINVAL);
}
