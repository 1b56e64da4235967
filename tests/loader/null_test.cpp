// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The provider to copy from does what its comments say.
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

namespace {

class NullProvider : public testing::Test {
protected:
    static void SetUpTestSuite() {
        ::setenv("VERBS_PROVIDERS", VERBS_TEST_MANIFESTS, 1);
        ::unsetenv("VERBS_PROVIDERS_EXTRA");
        ::setenv("VERBS_SOFT", "0", 1);
    }
    void SetUp() override {
        ::setenv("VERBS_NULL", "1", 1);
        ibv_device **list = ibv_get_device_list(nullptr);
        ASSERT_NE(list, nullptr);
        ASSERT_NE(list[0], nullptr) << verbs_last_error();
        context = ibv_open_device(list[0]);
        ibv_free_device_list(list);
        ASSERT_NE(context, nullptr) << verbs_last_error();
    }
    void TearDown() override { EXPECT_EQ(ibv_close_device(context), 0); }

    ibv_context *context = nullptr;
};

}  // namespace

TEST_F(NullProvider, HidesItsDeviceUnlessAsked) {
    ::unsetenv("VERBS_NULL");
    int count = -1;
    ibv_device **list = ibv_get_device_list(&count);
    EXPECT_EQ(count, 0);
    ibv_free_device_list(list);
}

TEST_F(NullProvider, HasOneDeviceWithOnePort) {
    EXPECT_STREQ(ibv_get_device_name(context->device), "null0");
    ibv_device_attr device{};
    EXPECT_EQ(ibv_query_device(context, &device), 0);
    EXPECT_EQ(device.phys_port_cnt, 1);
    ibv_port_attr port{};
    EXPECT_EQ(ibv_query_port(context, 1, &port), 0);
    EXPECT_EQ(port.state, IBV_PORT_DOWN);
    EXPECT_EQ(ibv_query_port(context, 2, &port), EINVAL);
    ibv_gid gid{};
    EXPECT_EQ(ibv_query_gid(context, 1, 0, &gid), 0);
    EXPECT_EQ(ibv_query_gid(context, 1, 1, &gid), -1);
}

TEST_F(NullProvider, MakesObjectsThatCanDoNothing) {
    ibv_pd *pd = ibv_alloc_pd(context);
    ibv_cq *cq = ibv_create_cq(context, 16, nullptr, nullptr, 0);
    char memory[8] = {};
    ibv_mr *mr = ibv_reg_mr(pd, memory, sizeof memory, 0);
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    ibv_qp *qp = ibv_create_qp(pd, &init);
    ASSERT_TRUE(pd && cq && mr && qp);
    EXPECT_EQ(ibv_poll_cq(cq, 1, nullptr), 0);
    EXPECT_EQ(ibv_req_notify_cq(cq, 0), 0);
    ibv_send_wr send{};
    ibv_send_wr *bad_send = nullptr;
    EXPECT_EQ(ibv_post_send(qp, &send, &bad_send), EOPNOTSUPP);
    ibv_recv_wr recv{};
    ibv_recv_wr *bad_recv = nullptr;
    EXPECT_EQ(ibv_post_recv(qp, &recv, &bad_recv), EOPNOTSUPP);
    EXPECT_EQ(ibv_close_device(context), -1);
    EXPECT_EQ(errno, EBUSY);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    EXPECT_EQ(ibv_destroy_cq(cq), 0);
    EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

TEST_F(NullProvider, HasNoPeer) {
    ibv_pd *pd = ibv_alloc_pd(context);
    ibv_qp_init_attr init{};
    ibv_qp *qp = ibv_create_qp(pd, &init);
    ASSERT_NE(qp, nullptr);
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_STATE), 0);
    attr.qp_state = IBV_QPS_RTR;
    EXPECT_EQ(ibv_modify_qp(qp, &attr, IBV_QP_STATE), EOPNOTSUPP);
    EXPECT_EQ(qp->state, IBV_QPS_INIT);
    EXPECT_EQ(ibv_destroy_qp(qp), 0);
    EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}
