// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Attributes that may change during a queue pair's life take effect, and a query tells them as
// they were set, in every state.
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

constexpr int kEverything =
    IBV_QP_STATE | IBV_QP_CUR_STATE | IBV_QP_EN_SQD_ASYNC_NOTIFY | IBV_QP_ACCESS_FLAGS |
    IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_TIMEOUT |
    IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_RQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC |
    IBV_QP_MIN_RNR_TIMER | IBV_QP_SQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_CAP | IBV_QP_DEST_QPN;

ibv_qp_attr query(ibv_qp *qp, ibv_qp_init_attr *init = nullptr) {
    ibv_qp_attr attr{};
    ibv_qp_init_attr ignored{};
    if (ibv_query_qp(qp, &attr, kEverything, init != nullptr ? init : &ignored) != 0)
        give_up("ibv_query_qp");
    return attr;
}

Step change(int bit, void (*set)(ibv_qp_attr &attr)) {
    Step step;
    set(step.attr);
    step.mask = bit;
    return step;
}

class QpAttributes : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        options_.path.timeout = 14;
        options_.path.retry_cnt = 6;
        options_.path.rnr_retry = 5;
        options_.path.min_rnr_timer = 0;  // 655 ms
        options_.path.mtu = IBV_MTU_512;
        options_.path.psn = 0x1234;
    }
    void make(ibv_qp_type type = IBV_QPT_RC) {
        options_.type = type;
        here_ = std::make_unique<LocalSide>(context(), options_);
        there_ = std::make_unique<LocalSide>(context(), options_);
        join(*here_, *there_);
    }
    void to_sqd() {
        require_feature("sqd");
        if (IsSkipped()) return;
        ASSERT_EQ(here_->change_state(IBV_QPS_SQD), 0);
    }
    ibv_wc_status write_from_there() {
        EXPECT_EQ(there_->post_send(make_write(1, {{0, 8}}, here_->at(0))), 0);
        return there_->sent().status;
    }
    LocalSide &here() { return *here_; }
    LocalSide &there() { return *there_; }
    [[nodiscard]] ibv_qp *qp() const { return here_->qp(); }
    PathOptions &path() { return options_.path; }

private:
    SideOptions options_;
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> there_;
};

TEST_F(QpAttributes, AreToldAsTheyWereSetInEveryState) {
    make();
    const uint32_t peer = there().qp()->qp_num;
    for (const ibv_qp_state state : {IBV_QPS_RTS, IBV_QPS_SQD, IBV_QPS_ERR}) {
        if (state == IBV_QPS_SQD) {
            to_sqd();
            if (IsSkipped()) return;
        } else if (state != IBV_QPS_RTS) {
            ASSERT_EQ(here().change_state(state), 0);
        }
        ibv_qp_init_attr init{};
        const ibv_qp_attr attr = query(qp(), &init);
        EXPECT_EQ(attr.qp_state, state);
        EXPECT_EQ(attr.cur_qp_state, state);
        EXPECT_EQ(attr.path_mtu, IBV_MTU_512);
        EXPECT_EQ(attr.timeout, 14);
        EXPECT_EQ(attr.retry_cnt, 6);
        EXPECT_EQ(attr.rnr_retry, 5);
        EXPECT_EQ(attr.min_rnr_timer, 0);
        EXPECT_EQ(attr.sq_psn, 0x1234u);
        EXPECT_EQ(attr.rq_psn, 0x1234u);
        EXPECT_EQ(attr.dest_qp_num, peer);
        EXPECT_EQ(attr.port_num, kPort);
        EXPECT_EQ(attr.pkey_index, 0);
        EXPECT_EQ(attr.qp_access_flags, static_cast<unsigned>(path().qp_access));
        EXPECT_EQ(attr.ah_attr.is_global, 1);
        EXPECT_EQ(attr.ah_attr.grh.sgid_index, gid_index(context()));
        EXPECT_EQ(attr.sq_draining, 0);
        EXPECT_EQ(attr.cap.max_send_wr, here().cap().max_send_wr);
        EXPECT_EQ(attr.cap.max_inline_data, here().cap().max_inline_data);
        EXPECT_EQ(init.cap.max_recv_wr, here().cap().max_recv_wr);
        EXPECT_EQ(init.sq_sig_all, 0);
        EXPECT_EQ(init.qp_type, IBV_QPT_RC);
        EXPECT_EQ(init.send_cq, here().send_cq());
        EXPECT_EQ(init.recv_cq, here().recv_cq());
    }
}

TEST_F(QpAttributes, AreToldOnTheWayUp) {
    LocalSide side(context());
    ibv_qp_attr attr = query(side.qp());
    EXPECT_EQ(attr.qp_state, IBV_QPS_RESET);
    EXPECT_EQ(attr.cap.max_send_wr, side.cap().max_send_wr);
    ASSERT_EQ(rc_init(path()).apply(side.qp()), 0);
    attr = query(side.qp());
    EXPECT_EQ(attr.qp_state, IBV_QPS_INIT);
    EXPECT_EQ(attr.port_num, kPort);
    EXPECT_EQ(attr.qp_access_flags, static_cast<unsigned>(path().qp_access));
    QpAddress peer = side.address();
    peer.psn = 0x77;
    ASSERT_EQ(rc_rtr(context(), peer, path()).apply(side.qp()), 0);
    attr = query(side.qp());
    EXPECT_EQ(attr.qp_state, IBV_QPS_RTR);
    EXPECT_EQ(attr.rq_psn, 0x77u);
    EXPECT_EQ(attr.path_mtu, IBV_MTU_512);
}

TEST_F(QpAttributes, AreForgottenInReset) {
    make();
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    const ibv_qp_attr attr = query(qp());
    EXPECT_EQ(attr.qp_state, IBV_QPS_RESET);
    EXPECT_EQ(attr.dest_qp_num, 0u);
    EXPECT_EQ(attr.timeout, 0);
    EXPECT_EQ(attr.cap.max_send_wr, here().cap().max_send_wr) << "but not its size";
}

TEST_F(QpAttributes, ThatChangeInSqdAreTold) {
    make();
    to_sqd();
    if (IsSkipped()) return;
    Step step = to_state(IBV_QPS_SQD);
    step.attr.timeout = 9;
    step.attr.retry_cnt = 1;
    step.attr.rnr_retry = 2;
    step.attr.max_rd_atomic = 1;
    step.attr.max_dest_rd_atomic = 1;
    step.attr.min_rnr_timer = 20;
    step.attr.port_num = kPort;
    step.attr.pkey_index = 0;
    step.attr.qp_access_flags = IBV_ACCESS_REMOTE_READ;
    step.attr.ah_attr = route_to(context(), there().address().gid);
    step.attr.ah_attr.sl = 3;
    step.attr.ah_attr.grh.flow_label = 0x12345;
    step.mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC |
                 IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER | IBV_QP_PORT |
                 IBV_QP_PKEY_INDEX | IBV_QP_ACCESS_FLAGS | IBV_QP_AV;
    ASSERT_EQ(step.apply(qp()), 0);
    const ibv_qp_attr attr = query(qp());
    EXPECT_EQ(attr.qp_state, IBV_QPS_SQD);
    EXPECT_EQ(attr.timeout, 9);
    EXPECT_EQ(attr.retry_cnt, 1);
    EXPECT_EQ(attr.rnr_retry, 2);
    EXPECT_EQ(attr.max_rd_atomic, 1);
    EXPECT_EQ(attr.max_dest_rd_atomic, 1);
    EXPECT_EQ(attr.min_rnr_timer, 20);
    EXPECT_EQ(attr.qp_access_flags, static_cast<unsigned>(IBV_ACCESS_REMOTE_READ));
    EXPECT_EQ(attr.ah_attr.sl, 3);
    EXPECT_EQ(attr.ah_attr.grh.flow_label, 0x12345u);
    EXPECT_EQ(attr.path_mtu, IBV_MTU_512) << "what was not named stays";
}

TEST_F(QpAttributes, OfAccessTakeEffectInRts) {
    make();
    EXPECT_EQ(write_from_there(), IBV_WC_SUCCESS);
    ASSERT_EQ(change(IBV_QP_ACCESS_FLAGS,
                     [](ibv_qp_attr &attr) { attr.qp_access_flags = IBV_ACCESS_REMOTE_READ; })
                  .apply(qp()),
              0);
    EXPECT_EQ(write_from_there(), IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(QpAttributes, OfAccessTakeEffectInSqd) {
    path().qp_access = IBV_ACCESS_REMOTE_READ;
    make();
    to_sqd();
    if (IsSkipped()) return;
    ASSERT_EQ(change(IBV_QP_ACCESS_FLAGS,
                     [](ibv_qp_attr &attr) { attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE; })
                  .apply(qp()),
              0);
    EXPECT_EQ(write_from_there(), IBV_WC_SUCCESS);
}

// Five retries after 655 ms each would last for three seconds.
TEST_F(QpAttributes, OfTheReceiversPatienceTakeEffectInRts) {
    make();
    ASSERT_EQ(
        change(IBV_QP_MIN_RNR_TIMER, [](ibv_qp_attr &attr) { attr.min_rnr_timer = 1; }).apply(qp()),
        0);
    ASSERT_EQ(there().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(ended(collect_one(there().send_cq(), patience(2s)), 1, IBV_WC_RNR_RETRY_EXC_ERR));
}

TEST_F(QpAttributes, OfTheSendersPatienceWithTheReceiverTakeEffectInSqd) {
    path().rnr_retry = 7;  // for ever
    make();
    to_sqd();
    if (IsSkipped()) return;
    ASSERT_EQ(change(IBV_QP_RNR_RETRY, [](ibv_qp_attr &attr) { attr.rnr_retry = 0; }).apply(qp()),
              0);
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
}

TEST_F(QpAttributes, OfTheSendersPatienceWithThePathTakeEffectInSqd) {
    path().timeout = 0;  // for ever
    LocalSide side(context());
    QpAddress nobody = side.address();
    nobody.qp_num ^= 0x800000;
    must_connect_rc(side.qp(), nobody, path());
    ASSERT_EQ(side.post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(side.send_cq()); }));
    must_connect_rc(side.qp(), nobody, path());
    require_feature("sqd");
    if (IsSkipped()) return;
    ASSERT_EQ(side.change_state(IBV_QPS_SQD), 0);
    ASSERT_EQ(change(IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT,
                     [](ibv_qp_attr &attr) {
                         attr.timeout = 8;
                         attr.retry_cnt = 1;
                     })
                  .apply(side.qp()),
              0);
    ASSERT_EQ(side.change_state(IBV_QPS_RTS), 0);
    ASSERT_EQ(side.post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(side.sent(), 2, IBV_WC_RETRY_EXC_ERR));
}

TEST_F(QpAttributes, OfTheDatagramKeyTakeEffectInRts) {
    make(IBV_QPT_UD);
    ASSERT_EQ(change(IBV_QP_QKEY, [](ibv_qp_attr &attr) { attr.qkey = 0x4321; }).apply(qp()), 0);
    EXPECT_EQ(query(qp()).qkey, 0x4321u);
    ASSERT_EQ(here().post_recv(1, {{0, 500}}), 0);
    const Sending message = make_send(2, {{0, 8}});
    ASSERT_EQ(there().post_send(message.to(here().address(), path().qkey)), 0);
    ASSERT_EQ(there().post_send(make_send(3, {{0, 16}}).to(here().address(), 0x4321)), 0);
    const ibv_wc wc = here().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 40u + 16) << "the one with the old key was dropped";
    EXPECT_EQ(there().sent(2).size(), 2u);
}

TEST_F(QpAttributes, OfTheDatagramKeyTakeEffectInSqd) {
    make(IBV_QPT_UD);
    to_sqd();
    if (IsSkipped()) return;
    ASSERT_EQ(change(IBV_QP_QKEY, [](ibv_qp_attr &attr) { attr.qkey = 0x4321; }).apply(qp()), 0);
    ASSERT_EQ(here().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(there().post_send(make_send(2, {{0, 16}}).to(here().address(), 0x4321)), 0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));
}

TEST_F(QpAttributes, OfAlternatePathsAreRefusedAsNotOffered) {
    make();
    Step alternate = to_state(IBV_QPS_RTS);
    alternate.attr.alt_ah_attr = route_to(context(), there().address().gid);
    alternate.attr.alt_port_num = kPort;
    alternate.mask |= IBV_QP_ALT_PATH;
    const int error = alternate.apply(qp());
    EXPECT_TRUE(error == EOPNOTSUPP || error == 0) << "errno " << error;
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
    EXPECT_EQ(write_from_there(), IBV_WC_SUCCESS);
}

}  // namespace
