// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <fcntl.h>

namespace {

class Xrc : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        domain.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS;
        domain.fd = -1;
        domain.oflags = O_CREAT;
        xrcd = ibv_open_xrcd(context, &domain);
        ASSERT_NE(xrcd, nullptr) << verbs_last_error();
        cq = ibv_create_cq(context, 8, nullptr, nullptr, 0);
        ASSERT_NE(cq, nullptr);
        queue.srq_context = this;
        queue.attr.max_wr = 8;
        queue.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_XRCD |
                          IBV_SRQ_INIT_ATTR_CQ;
        queue.srq_type = IBV_SRQT_XRC;
        queue.pd = pd;
        queue.xrcd = xrcd;
        queue.cq = cq;
        opening.comp_mask = IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD |
                            IBV_QP_OPEN_ATTR_CONTEXT | IBV_QP_OPEN_ATTR_TYPE;
        opening.qp_num = 0x815;
        opening.xrcd = xrcd;
        opening.qp_context = this;
        opening.qp_type = IBV_QPT_XRC_RECV;
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_destroy_cq(cq), 0);
        EXPECT_EQ(ibv_close_xrcd(xrcd), 0);
        ExtendedDevice::TearDown();
    }
    void expect_reason(int code, const char *reason) {
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        const std::lock_guard guard(fake.lock);
        EXPECT_TRUE(fake.calls.empty());
    }

    ibv_xrcd *xrcd = nullptr;
    ibv_cq *cq = nullptr;
    ibv_xrcd_init_attr domain{};
    ibv_srq_init_attr_ex queue{};
    ibv_qp_open_attr opening{};
};

}  // namespace

TEST_F(Xrc, DomainIsOfTheDeviceThatOpenedIt) {
    EXPECT_EQ(xrcd->context, context);
    EXPECT_EQ(last.xrcd.fd, -1);
    EXPECT_EQ(last.xrcd.oflags, O_CREAT);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(Xrc, DomainNeedsBothOfItsAttributesAndNoOthers) {
    for (const unsigned mask : {0, int{IBV_XRCD_INIT_ATTR_FD}, int{IBV_XRCD_INIT_ATTR_OFLAGS}}) {
        domain.comp_mask = mask;
        EXPECT_EQ(ibv_open_xrcd(context, &domain), nullptr);
        expect_reason(EINVAL, "an XRC domain needs fd and oflags");
    }
    domain.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS;
    domain.comp_mask |= IBV_XRCD_INIT_ATTR_RESERVED;
    EXPECT_EQ(ibv_open_xrcd(context, &domain), nullptr);
    expect_reason(EINVAL, "unknown bits in comp_mask");
    EXPECT_EQ(ibv_open_xrcd(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_open_xrcd(nullptr, &domain), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_close_xrcd(nullptr), EINVAL);
}

TEST_F(Xrc, DomainTellsWhyItStays) {
    fail("close_xrcd", EBUSY, "3 queues");
    EXPECT_EQ(ibv_close_xrcd(xrcd), EBUSY);
    EXPECT_STREQ(verbs_last_error(), "fake: close_xrcd: 3 queues");
    fail_nothing();
}

TEST_F(Xrc, ReceiveQueueIsAStableOneWithANumber) {
    ibv_srq *srq = ibv_create_srq_ex(context, &queue);
    ASSERT_NE(srq, nullptr) << verbs_last_error();
    EXPECT_EQ(srq->context, context);
    EXPECT_EQ(srq->srq_context, this);
    EXPECT_EQ(srq->pd, pd);
    EXPECT_EQ(queue.attr.max_sge, 7u);
    EXPECT_EQ(last.srq.cq, cq);
    std::uint32_t number = 0;
    EXPECT_EQ(ibv_get_srq_num(srq, &number), 0);
    EXPECT_EQ(number, 0x4712u);
    EXPECT_EQ(ibv_get_srq_num(srq, nullptr), EINVAL);
    EXPECT_EQ(ibv_get_srq_num(nullptr, &number), EINVAL);
    EXPECT_EQ(ibv_destroy_srq(srq), 0);
}

TEST_F(Xrc, ReceiveQueueNeedsADomainAndACq) {
    const char *const reason =
        "a shared receive queue of the type XRC needs an XRC domain and a CQ";
    const auto whole = queue.comp_mask;
    for (const auto bit : {IBV_SRQ_INIT_ATTR_XRCD, IBV_SRQ_INIT_ATTR_CQ}) {
        queue.comp_mask = whole & ~bit;
        EXPECT_EQ(ibv_create_srq_ex(context, &queue), nullptr);
        expect_reason(EINVAL, reason);
    }
    queue.comp_mask = whole;
    queue.cq = nullptr;
    EXPECT_EQ(ibv_create_srq_ex(context, &queue), nullptr);
    expect_reason(EINVAL, reason);
    ibv_cq foreign{};
    queue.cq = &foreign;
    EXPECT_EQ(ibv_create_srq_ex(context, &queue), nullptr);
    expect_reason(EINVAL, "cq belongs to another open device");
    queue.comp_mask |= IBV_SRQ_INIT_ATTR_TM;
    EXPECT_EQ(ibv_create_srq_ex(context, &queue), nullptr);
    expect_reason(EINVAL, "a shared receive queue of the type XRC has no tags");
}

TEST_F(Xrc, ReceivingQpHasNeitherProtectionDomainNorCqs) {
    ibv_qp_init_attr_ex attr{};
    attr.qp_type = IBV_QPT_XRC_RECV;
    attr.comp_mask = IBV_QP_INIT_ATTR_XRCD;
    attr.xrcd = xrcd;
    attr.send_cq = attr.recv_cq = cq;  // do not count
    ibv_qp *qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(last.qp.xrcd, xrcd);
    EXPECT_EQ(qp->pd, nullptr);
    EXPECT_EQ(qp->send_cq, nullptr);
    EXPECT_EQ(qp->recv_cq, nullptr);
    EXPECT_EQ(qp->qp_type, IBV_QPT_XRC_RECV);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    // Nor are they looked at.
    auto *const nowhere = reinterpret_cast<void *>(0x10);
    attr.pd = static_cast<ibv_pd *>(nowhere);
    attr.send_cq = attr.recv_cq = static_cast<ibv_cq *>(nowhere);
    attr.srq = static_cast<ibv_srq *>(nowhere);
    qp = ibv_create_qp_ex(context, &attr);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(qp->pd, nullptr);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    ibv_xrcd foreign{};
    attr.xrcd = &foreign;
    EXPECT_EQ(ibv_create_qp_ex(context, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_STREQ(verbs_last_error(), "xrcd belongs to another open device");
}

TEST_F(Xrc, SendingQpReceivesNothing) {
    auto *const nowhere = reinterpret_cast<void *>(0x10);
    for (const unsigned mask : {unsigned{IBV_QP_INIT_ATTR_PD},
                                IBV_QP_INIT_ATTR_PD | unsigned{IBV_QP_INIT_ATTR_SEND_OPS_FLAGS}}) {
        ibv_qp_init_attr_ex attr{};
        attr.qp_type = IBV_QPT_XRC_SEND;
        attr.comp_mask = mask;
        attr.pd = pd;
        attr.send_cq = cq;
        attr.recv_cq = static_cast<ibv_cq *>(nowhere);
        attr.srq = static_cast<ibv_srq *>(nowhere);
        ibv_qp *const qp = ibv_create_qp_ex(context, &attr);
        ASSERT_NE(qp, nullptr) << verbs_last_error();
        EXPECT_EQ(qp->send_cq, cq);
        EXPECT_EQ(qp->recv_cq, nullptr);
        EXPECT_EQ(qp->srq, nullptr);
        EXPECT_EQ(ibv_destroy_qp(qp), 0);
    }
}

TEST_F(Xrc, OpenedQpIsAStableOneInAStateThatNobodyKnows) {
    ibv_qp *qp = ibv_open_qp(context, &opening);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(last.opening.qp_num, 0x815u);
    EXPECT_EQ(qp->context, context);
    EXPECT_EQ(qp->qp_context, this);
    EXPECT_EQ(qp->qp_num, 0x815u);
    EXPECT_EQ(qp->qp_type, IBV_QPT_XRC_RECV);
    EXPECT_EQ(qp->state, IBV_QPS_UNKNOWN);
    EXPECT_EQ(qp->pd, nullptr);
    ibv_qp_attr change{};
    change.qp_state = IBV_QPS_ERR;
    EXPECT_EQ(ibv_modify_qp(qp, &change, IBV_QP_STATE), 0);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    opening.comp_mask &= ~IBV_QP_OPEN_ATTR_CONTEXT;
    qp = ibv_open_qp(context, &opening);
    ASSERT_NE(qp, nullptr) << verbs_last_error();
    EXPECT_EQ(qp->qp_context, nullptr);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
}

TEST_F(Xrc, QpIsOpenedByNumberDomainAndType) {
    const auto whole = opening.comp_mask;
    const char *const reason = "opening a QP needs its number, its XRC domain and its type";
    for (const auto bit : {IBV_QP_OPEN_ATTR_NUM, IBV_QP_OPEN_ATTR_XRCD, IBV_QP_OPEN_ATTR_TYPE}) {
        opening.comp_mask = whole & ~bit;
        EXPECT_EQ(ibv_open_qp(context, &opening), nullptr);
        expect_reason(EINVAL, reason);
    }
    opening.comp_mask = whole | IBV_QP_OPEN_ATTR_RESERVED;
    EXPECT_EQ(ibv_open_qp(context, &opening), nullptr);
    expect_reason(EINVAL, "unknown bits in comp_mask");
    opening.comp_mask = whole;
    opening.qp_type = IBV_QPT_RC;
    EXPECT_EQ(ibv_open_qp(context, &opening), nullptr);
    expect_reason(EINVAL, "only QPs of the type IBV_QPT_XRC_RECV can be opened");
    opening.qp_type = IBV_QPT_XRC_RECV;
    ibv_xrcd foreign{};
    opening.xrcd = &foreign;
    EXPECT_EQ(ibv_open_qp(context, &opening), nullptr);
    expect_reason(EINVAL, "xrcd belongs to another open device");
    EXPECT_EQ(ibv_open_qp(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}
