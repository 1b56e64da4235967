// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class ExtendedQp : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        cq = ibv_create_cq(context, 8, nullptr, nullptr, 0);
        ASSERT_NE(cq, nullptr);
        attr.qp_context = this;
        attr.send_cq = attr.recv_cq = cq;
        attr.qp_type = IBV_QPT_RC;
        attr.pd = pd;
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.send_ops_flags = IBV_QP_EX_WITH_SEND;
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_destroy_cq(cq), 0);
        ExtendedDevice::TearDown();
    }

    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_create_qp_ex(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("create_qp_ex") + fake.calls_of("create_qp"), 0);
    }

    ibv_cq *cq = nullptr;
    ibv_qp_init_attr_ex attr{};
};

}  // namespace

TEST_F(ExtendedQp, IsAStableQpAsWell) {
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(fake.calls_of("create_qp_ex"), 1);
    EXPECT_EQ(last.qp.send_ops_flags, static_cast<std::uint64_t>(IBV_QP_EX_WITH_SEND));
    EXPECT_EQ(attr.cap.max_send_wr, 77u);
    EXPECT_EQ(qp->context, context);
    EXPECT_EQ(qp->qp_context, this);
    EXPECT_EQ(qp->pd, pd);
    EXPECT_EQ(qp->send_cq, cq);
    EXPECT_EQ(qp->qp_type, IBV_QPT_RC);
    EXPECT_EQ(qp->state, IBV_QPS_RESET);
    ibv_qp_attr change{};
    change.qp_state = IBV_QPS_INIT;
    EXPECT_EQ(ibv_modify_qp(qp, &change, IBV_QP_STATE), 0);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}

TEST_F(ExtendedQp, WithNothingButAPdIsAPlainOne) {
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(fake.calls_of("create_qp"), 1);
    EXPECT_EQ(fake.calls_of("create_qp_ex"), 0);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}

TEST_F(ExtendedQp, ReadsNoMoreThanTheMaskSays) {
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_CREATE_FLAGS;
    attr.create_flags = 4;
    attr.xrcd = reinterpret_cast<ibv_xrcd *>(8);
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(last.qp.create_flags, 4u);
    EXPECT_EQ(last.qp.send_ops_flags, 0u);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}

TEST_F(ExtendedQp, RefusesWhatItDoesNotKnowOrIsOfAnotherDevice) {
    attr.comp_mask |= 1 << 7;
    expect_refusal(EOPNOTSUPP, "unknown bits in comp_mask");
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    ibv_pd foreign{};
    attr.pd = &foreign;
    expect_refusal(EINVAL, "pd belongs to another open device");
    attr.pd = pd;
    ibv_cq foreign_cq{};
    attr.recv_cq = &foreign_cq;
    expect_refusal(EINVAL, "recv_cq belongs to another open device");
    EXPECT_EQ(ibv_create_qp_ex(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_qp_ex(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(ExtendedQp, TellsWhyTheProviderRefused) {
    fail("create_qp_ex", EOPNOTSUPP, "no such operation");
    EXPECT_EQ(ibv_create_qp_ex(context, &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: create_qp_ex: no such operation");
}

TEST_F(ExtendedQp, HasAFaceForTheBuilderWhenItWasMadeForIt) {
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(ibv_qp_to_qp_ex(qp), reinterpret_cast<ibv_qp_ex *>(qp));
    fail("qp_to_qp_ex", 1);
    EXPECT_EQ(ibv_qp_to_qp_ex(qp), nullptr);
    EXPECT_STREQ(verbs_last_error(), "the QP was not made for the ibv_wr_ calls");
    EXPECT_EQ(ibv_qp_to_qp_ex(nullptr), nullptr);
    fail_nothing();
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}

TEST_F(ExtendedQp, SaysWhatIsInOrderAsTheProviderDoes) {
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    errno = kUntouched;
    const uint32_t flags =
        IBV_QUERY_QP_DATA_IN_ORDER_RETURN_CAPS | IBV_QUERY_QP_DATA_IN_ORDER_DEVICE_ONLY;
    EXPECT_EQ(ibv_query_qp_data_in_order(qp, IBV_WR_RDMA_WRITE, flags),
              IBV_QUERY_QP_DATA_IN_ORDER_ALIGNED_128_BYTES);
    EXPECT_EQ(last.flags, flags);
    EXPECT_EQ(ibv_query_qp_data_in_order(qp, IBV_WR_SEND, flags), 0);
    // Nothing is promised to a question that is not understood.
    EXPECT_EQ(ibv_query_qp_data_in_order(qp, IBV_WR_RDMA_WRITE, 1u << 2), 0);
    EXPECT_EQ(ibv_query_qp_data_in_order(nullptr, IBV_WR_RDMA_WRITE, flags), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}
