// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two states of the send queue alone: SQD, in which it comes to rest at a message boundary, and
// SQE, in which a queue pair without acknowledgements waits after an error of a send (IBTA volume
// 1, 10.3.1.5 and 10.3.1.6).
#include "echo.hpp"
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

Step to_drain(bool tells) {
    Step step = to_state(IBV_QPS_SQD);
    step.attr.en_sqd_async_notify = tells ? 1 : 0;
    step.mask |= IBV_QP_EN_SQD_ASYNC_NOTIFY;
    return step;
}

bool drains(ibv_qp *qp) {
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    if (ibv_query_qp(qp, &attr, IBV_QP_STATE, &init) != 0) give_up("ibv_query_qp");
    return attr.sq_draining != 0;
}

// The event of a drained queue, within the limit.
bool tells_drained(ibv_context *context, ibv_qp *qp, Milliseconds limit = patience()) {
    if (!wait_readable(context->async_fd, limit)) return false;
    ibv_async_event event{};
    if (ibv_get_async_event(context, &event) != 0) give_up("ibv_get_async_event");
    EXPECT_EQ(event.event_type, IBV_EVENT_SQ_DRAINED) << ibv_event_type_str(event.event_type);
    EXPECT_EQ(event.element.qp, qp);
    ibv_ack_async_event(&event);
    return true;
}

class Drain : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("sqd");
        if (IsSkipped()) return;
        make_nonblocking(context()->async_fd);
        connect();
        here().store(0, pattern(1, 30000));
    }
    [[nodiscard]] ibv_qp *qp() { return here().qp(); }
};

TEST_P(Drain, OfAnEmptyQueueIsOverAtOnce) {
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    EXPECT_EQ(here().state(), IBV_QPS_SQD);
    EXPECT_TRUE(tells_drained(context(), qp()));
    EXPECT_FALSE(drains(qp()));
}

TEST_P(Drain, IsToldOnlyWhenThatWasAskedFor) {
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    ASSERT_TRUE(tells_drained(context(), qp()));
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_SQD), 0);
    EXPECT_FALSE(drains(qp()));
    EXPECT_FALSE(wait_readable(context()->async_fd, kQuiet));
}

TEST_P(Drain, LastsUntilWhatWasStartedHasEnded) {
    ASSERT_EQ(here().post_send(make_send(1, {{0, 100}})), 0);  // no receive: it cannot end
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    EXPECT_TRUE(drains(qp()));
    EXPECT_FALSE(wait_readable(context()->async_fd, kQuiet));
    EXPECT_TRUE(drains(qp()));
    ASSERT_EQ(there().post_recv(2, {{0, 100}}), 0);
    EXPECT_TRUE(tells_drained(context(), qp())) << "without anybody polling";
    EXPECT_FALSE(drains(qp()));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_FALSE(wait_readable(context()->async_fd, kQuiet)) << "it is told once";
}

TEST_P(Drain, KeepsWhatIsPostedLaterUntilItIsOver) {
    ASSERT_EQ(to_drain(false).apply(qp()), 0);
    for (uint64_t id = 1; id <= 3; ++id) {
        ASSERT_EQ(there().post_recv(id, {{id * 1000, 1000}}), 0);
        ASSERT_EQ(here().post_send(make_send(id, {{id, 500}})), 0);
    }
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    for (uint64_t id = 1; id <= 3; ++id) {
        EXPECT_TRUE(succeeded(here().sent(), id, IBV_WC_SEND));
        EXPECT_TRUE(succeeded(there().received(), id, IBV_WC_RECV));
        EXPECT_EQ(there().load(id * 1000, 500), here().load(id, 500));
    }
}

TEST_P(Drain, LosesNothingOfAFullQueue) {
    const uint64_t count = 40;
    for (uint64_t id = 0; id < count; ++id) {
        ASSERT_EQ(here().post_send(make_send(id, {{id, 8000}})), 0);
    }
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    EXPECT_TRUE(drains(qp()));
    for (uint64_t id = 0; id < count; ++id) {
        ASSERT_EQ(there().post_recv(id, {{0, 8000}}), 0);
    }
    ASSERT_TRUE(tells_drained(context(), qp()));
    ASSERT_EQ(here().post_send(make_send(count, {{count, 8000}})), 0);
    ASSERT_EQ(there().post_recv(count, {{0, 8000}}), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    const std::vector<ibv_wc> sent = here().sent(count + 1);
    const std::vector<ibv_wc> received = there().received(count + 1);
    for (uint64_t id = 0; id <= count; ++id) {
        EXPECT_TRUE(succeeded(sent[id], id, IBV_WC_SEND));
        EXPECT_TRUE(succeeded(received[id], id, IBV_WC_RECV));
    }
    EXPECT_EQ(there().load(0, 8000), here().load(count, 8000));
}

TEST_P(Drain, DoesNotKeepTheQueuePairFromReceivingAndAnswering) {
    there().store(0, pattern(3, 100));
    ASSERT_EQ(to_drain(false).apply(qp()), 0);
    ASSERT_EQ(here().post_recv(1, {{40000, 100}}), 0);
    ASSERT_EQ(there().post_send(make_send(2, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(here().load(40000, 100), pattern(3, 100));
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));
    ASSERT_EQ(there().post_send(make_read(3, {{500, 100}}, here().at(0))), 0);
    EXPECT_TRUE(succeeded(there().sent(), 3, IBV_WC_RDMA_READ));
    EXPECT_EQ(there().load(500, 100), here().load(0, 100));
}

TEST_P(Drain, EndsInErrorWithEverythingFlushedInOrder) {
    ASSERT_EQ(here().post_send(make_send(1, {{0, 100}})), 0);
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 100}})), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_FALSE(drains(qp()));
    EXPECT_FALSE(wait_readable(context()->async_fd, kQuiet)) << "it did not drain";
}

TEST_P(Drain, CanBeDoneAgainAndAgain) {
    for (uint64_t round = 0; round < 20; ++round) {
        ASSERT_EQ(there().post_recv(round, {{0, 8}}), 0);
        ASSERT_EQ(here().post_send(make_send(round, {{0, 8}})), 0);
        ASSERT_EQ(to_drain(true).apply(qp()), 0);
        ASSERT_TRUE(tells_drained(context(), qp()));
        EXPECT_TRUE(succeeded(here().sent(), round, IBV_WC_SEND));
        EXPECT_TRUE(succeeded(there().received(), round, IBV_WC_RECV));
        ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    }
}

TEST_P(Drain, IsAsGoodAsAnyTimeToChangeThePath) {
    ASSERT_EQ(to_drain(false).apply(qp()), 0);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 100}})), 0);
    Step path = to_state(IBV_QPS_SQD);
    path.attr.ah_attr = route_to(context(), there().address().gid);
    path.attr.ah_attr.grh.traffic_class = 9;
    path.mask |= IBV_QP_AV;
    ASSERT_EQ(path.apply(qp()), 0);
    ASSERT_EQ(there().post_recv(2, {{0, 100}}), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    ASSERT_EQ(here().post_send(make_write(3, {{0, 100}}, there().at(1000))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(1000, 100), here().load(0, 100));
}

TEST_P(Drain, HasToBeOverBeforeThePathChanges) {
    ASSERT_EQ(here().post_send(make_send(1, {{0, 100}})), 0);
    ASSERT_EQ(to_drain(true).apply(qp()), 0);
    Step path = to_state(IBV_QPS_SQD);
    path.attr.ah_attr = route_to(context(), there().address().gid);
    path.mask |= IBV_QP_AV;
    EXPECT_EQ(path.apply(qp()), EINVAL);
    ASSERT_EQ(there().post_recv(2, {{0, 100}}), 0);
    ASSERT_TRUE(tells_drained(context(), qp()));
    EXPECT_EQ(path.apply(qp()), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
}

VERBS_TEST_EVERYWHERE(Drain);

class DatagramSendQueue : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        SideOptions options;
        options.type = IBV_QPT_UD;
        here_ = std::make_unique<LocalSide>(context(), options);
        there_ = std::make_unique<LocalSide>(context(), options);
        join(*here_, *there_);
    }
    Sending to_there(uint64_t id, const Slices &data) {
        return make_send(id, data).to(there_->address(), PathOptions().qkey);
    }
    void expect_traffic(uint64_t id) {
        ASSERT_EQ(there_->post_recv(id, {{1000, 500}}), 0);
        ASSERT_EQ(here_->post_send(to_there(id, {{0, 100}})), 0);
        EXPECT_TRUE(succeeded(there_->received(), id, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(here_->sent(), id, IBV_WC_SEND));
    }
    // A send with a key that is none.
    void offend() {
        ASSERT_EQ(here_->post_send(to_there(90, {{0, 100, 0x5a5a5a5a}})), 0);
        EXPECT_TRUE(ended(here_->sent(), 90, IBV_WC_LOC_PROT_ERR));
    }
    LocalSide &here() { return *here_; }
    LocalSide &there() { return *there_; }

private:
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> there_;
};

TEST_F(DatagramSendQueue, RestsWhileItIsDrainedAndGoesOn) {
    require_feature("sqd");
    if (IsSkipped()) return;
    expect_traffic(1);
    ASSERT_EQ(to_drain(false).apply(here().qp()), 0);
    EXPECT_EQ(here().state(), IBV_QPS_SQD);
    ASSERT_EQ(there().post_recv(2, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(3, {{0, 100}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(there().recv_cq()) || !is_empty(here().send_cq()); }));
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

TEST_F(DatagramSendQueue, IsInErrorAloneAfterASendThatFailed) {
    expect_traffic(1);
    offend();
    EXPECT_EQ(here().state(), IBV_QPS_SQE);
    ASSERT_EQ(here().post_recv(2, {{2000, 500}}), 0);
    ASSERT_EQ(there().post_send(make_send(3, {{0, 50}}).to(here().address(), PathOptions().qkey)),
              0);
    EXPECT_TRUE(succeeded(here().received(), 2, IBV_WC_RECV)) << "receiving goes on";
    EXPECT_TRUE(succeeded(there().sent(), 3, IBV_WC_SEND));
}

TEST_F(DatagramSendQueue, FlushesWhatIsPostedWhileItIsInError) {
    offend();
    ASSERT_EQ(here().post_send(to_there(4, {{0, 100}})), 0);
    ASSERT_EQ(here().post_send(to_there(5, {{0, 100}}).unsignaled()), 0);
    EXPECT_TRUE(ended(here().sent(), 4, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 5, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_SQE);
}

TEST_F(DatagramSendQueue, FlushesWhatWasPostedBehindTheSendThatFailed) {
    std::array<ibv_sge, 2> sges = {here().region().sge(0, 100), here().region().sge(0, 100)};
    sges[0].lkey ^= 0x5a5a5a5a;
    ibv_ah_attr route = route_to(context(), there().address().gid);
    const Ah ah(ibv_create_ah(here().pd(), &route));
    ASSERT_TRUE(ah);
    std::array<ibv_send_wr, 2> wrs{};
    for (size_t i = 0; i < 2; ++i) {
        wrs[i].wr_id = i;
        wrs[i].sg_list = &sges[i];
        wrs[i].num_sge = 1;
        wrs[i].opcode = IBV_WR_SEND;
        wrs[i].send_flags = IBV_SEND_SIGNALED;
        wrs[i].wr.ud.ah = ah.get();
        wrs[i].wr.ud.remote_qpn = there().qp()->qp_num;
        wrs[i].wr.ud.remote_qkey = PathOptions().qkey;
    }
    wrs[0].next = &wrs[1];
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(here().qp(), wrs.data(), &bad), 0);
    EXPECT_TRUE(ended(here().sent(), 0, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_WR_FLUSH_ERR));
}

TEST_F(DatagramSendQueue, IsTakenOutOfErrorByTheProgram) {
    offend();
    ASSERT_EQ(here().change_state(IBV_QPS_RTS), 0);
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
    expect_traffic(6);
    offend();
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
}

}  // namespace
