// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {
class QpApi : public verbs_test::FakeQueues {};
}  // namespace

TEST_F(QpApi, HoldsWhatItWasMadeWith) {
    EXPECT_EQ(qp->context, context);
    EXPECT_EQ(qp->qp_context, this);
    EXPECT_EQ(qp->pd, pd);
    EXPECT_EQ(qp->send_cq, cq);
    EXPECT_EQ(qp->recv_cq, cq);
    EXPECT_EQ(qp->srq, nullptr);
    EXPECT_EQ(qp->state, IBV_QPS_RESET);
    EXPECT_EQ(qp->qp_type, IBV_QPT_RC);
    EXPECT_EQ(qp->qp_num, 17u);
    EXPECT_EQ(qp->events_completed, 0u);
}

TEST_F(QpApi, TellsTheCapacitiesThatWereGranted) {
    ibv_qp_init_attr attr{};
    attr.cap.max_send_wr = 1;
    ibv_qp *other = ibv_create_qp(pd, &attr);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(attr.cap.max_send_wr, 99u);
    EXPECT_EQ(ibv_destroy_qp(other), 0);
}

TEST_F(QpApi, RefusesQueuesOfAnotherDevice) {
    verbs_test::Foreign foreign;
    for (const auto choose : {0, 1, 2}) {
        ibv_qp_init_attr attr{};
        if (choose == 0) attr.send_cq = &foreign.cq;
        if (choose == 1) attr.recv_cq = &foreign.cq;
        if (choose == 2) attr.srq = &foreign.srq;
        errno = 0;
        EXPECT_EQ(ibv_create_qp(pd, &attr), nullptr);
        EXPECT_EQ(errno, EINVAL);
    }
    EXPECT_EQ(ibv_create_qp(pd, nullptr), nullptr);
}

TEST_F(QpApi, ShowsItsStateAfterAChangeOfIt) {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_STATE), 0);
    EXPECT_EQ(qp->state, IBV_QPS_INIT);
    attr.qp_state = IBV_QPS_RTR;
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_PKEY_INDEX), 0);
    EXPECT_EQ(qp->state, IBV_QPS_INIT);
    fail("modify_qp", EINVAL);
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_STATE), EINVAL);
    EXPECT_EQ(qp->state, IBV_QPS_INIT);
}

TEST_F(QpApi, RefusesUnknownBits) {
    ibv_qp_attr attr{};
    EXPECT_EQ(ibv_modify_qp(qp, &attr, 1 << 26), EINVAL);
    EXPECT_EQ(ibv_modify_qp(qp, &attr, 1 << 21), EINVAL);
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_RATE_LIMIT | IBV_QP_DEST_QPN), 0);
    EXPECT_EQ(ibv_modify_qp(qp, nullptr, 0), EINVAL);
}

TEST_F(QpApi, TellsWhatItWasMadeWithAndTheStateOfTheDevice) {
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    EXPECT_EQ(ibv_query_qp(qp, &attr, 0, &init), 0);
    EXPECT_EQ(qp->state, IBV_QPS_RESET);
    EXPECT_EQ(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0);
    EXPECT_EQ(qp->state, IBV_QPS_ERR);
    EXPECT_EQ(init.qp_context, this);
    EXPECT_EQ(init.send_cq, cq);
    EXPECT_EQ(init.qp_type, IBV_QPT_RC);
    EXPECT_EQ(init.cap.max_send_wr, 99u);
    EXPECT_EQ(ibv_query_qp(qp, nullptr, 0, &init), EINVAL);
    EXPECT_EQ(ibv_query_qp(qp, &attr, 0, nullptr), EINVAL);
}
