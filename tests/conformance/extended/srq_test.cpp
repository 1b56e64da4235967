// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues by extended attributes: ibv_create_srq_ex(3).
#include "extended_pair.hpp"

namespace {

using namespace verbs_test;

class ExtendedSharedQueue : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        pd_ = alloc_pd(context());
        attr.srq_context = this;
        attr.attr.max_wr = 16;
        attr.attr.max_sge = 1;
        attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD;
        attr.srq_type = IBV_SRQT_BASIC;
        attr.pd = pd_.get();
    }
    void TearDown() override {
        pd_ = {};
        DeviceTest::TearDown();
    }
    void expect_refused(int code) {
        EXPECT_EQ(ibv_create_srq_ex(context(), &attr), nullptr);
        EXPECT_EQ(errno, code);
    }

    ibv_srq_init_attr_ex attr{};

private:
    Pd pd_;
};

TEST_F(ExtendedSharedQueue, OfTheBasicTypeIsAnOrdinaryOne) {
    const Srq srq(ibv_create_srq_ex(context(), &attr));
    ASSERT_TRUE(srq);
    EXPECT_EQ(srq->context, context());
    EXPECT_EQ(srq->srq_context, this);
    EXPECT_EQ(srq->pd, attr.pd);
    EXPECT_GE(attr.attr.max_wr, 16u);
    EXPECT_GE(attr.attr.max_sge, 1u);
    ibv_srq_attr told{};
    ASSERT_EQ(ibv_query_srq(srq.get(), &told), 0);
    EXPECT_EQ(told.max_wr, attr.attr.max_wr);
    Region region(attr.pd, 64);
    ibv_sge sge = region.sge(0, 64);
    ibv_recv_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_srq_recv(srq.get(), &wr, &bad), 0);
}

TEST_F(ExtendedSharedQueue, IsOfTheBasicTypeIfNothingElseIsSaid) {
    attr.comp_mask = IBV_SRQ_INIT_ATTR_PD;
    const Srq srq(ibv_create_srq_ex(context(), &attr));
    EXPECT_TRUE(srq);
}

TEST_F(ExtendedSharedQueue, IsRefusedAboveTheLimitsOfTheDevice) {
    attr.attr.max_wr = static_cast<uint32_t>(device_limits(context()).max_srq_wr) + 1;
    expect_refused(EINVAL);
}

TEST_F(ExtendedSharedQueue, IsRefusedForATypeThatThereIsNot) {
    attr.srq_type = static_cast<ibv_srq_type>(9);
    expect_refused(EINVAL);
}

TEST_F(ExtendedSharedQueue, IsRefusedWithoutAProtectionDomain) {
    attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE;
    expect_refused(EINVAL);
}

}  // namespace
