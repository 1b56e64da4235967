// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion channels: when an event comes, when none comes, and what waits for acknowledgements.
#include "echo.hpp"
#include "side.hpp"

#include <fcntl.h>

#include <atomic>
#include <thread>

namespace {

using namespace verbs_test;

// Two connected sides in one context. The receiving one reports to a channel that does not block.
class CompletionChannel : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        channel_ = create_channel(context());
        make_nonblocking(channel_.get()->fd);
        sender_ = std::make_unique<LocalSide>(context());
        receiver_ = std::make_unique<LocalSide>(context(), SideOptions{}, channel_.get());
        join(*sender_, *receiver_);
        for (uint64_t id = 0; id < 32; ++id) {
            ASSERT_EQ(receiver_->post_recv(id, {{0, 64}}), 0);
        }
    }
    [[nodiscard]] ibv_comp_channel *channel() const { return channel_.get(); }
    [[nodiscard]] Channel &owned_channel() { return channel_; }
    LocalSide &sender() { return *sender_; }
    LocalSide &receiver() { return *receiver_; }
    [[nodiscard]] ibv_cq *cq() const { return receiver_->recv_cq(); }

    void arm(bool solicited_only = false) const {
        ASSERT_EQ(ibv_req_notify_cq(cq(), solicited_only ? 1 : 0), 0);
    }
    // Sends one message and waits until it has completed on both sides.
    void deliver(unsigned flags = 0) {
        ASSERT_EQ(sender_->post_send(make_send(0, {{0, 8}}).with(flags)), 0);
        ASSERT_TRUE(succeeded(sender_->sent(), 0, IBV_WC_SEND));
        ASSERT_EQ(receiver_->received().status, IBV_WC_SUCCESS);
    }
    // The receiver is not polled: its completion, which comes before the sender's, stays there.
    void leave(unsigned flags = 0) {
        ASSERT_EQ(sender_->post_send(make_send(0, {{0, 8}}).with(flags)), 0);
        ASSERT_TRUE(succeeded(sender_->sent(), 0, IBV_WC_SEND));
    }
    // The completion queue of the next event, or nullptr when none comes while we wait.
    [[nodiscard]] ibv_cq *event(Milliseconds limit = patience()) const {
        if (!wait_readable(channel()->fd, limit)) return nullptr;
        ibv_cq *cq = nullptr;
        void *cq_context = nullptr;
        if (ibv_get_cq_event(channel(), &cq, &cq_context) != 0) return nullptr;
        EXPECT_EQ(cq_context, cq->cq_context);
        return cq;
    }
    void expect_event() const {
        ASSERT_EQ(event(), cq());
        ibv_ack_cq_events(cq(), 1);
    }
    void expect_no_event() const { EXPECT_EQ(event(kQuiet), nullptr); }

private:
    Channel channel_;
    std::unique_ptr<LocalSide> sender_;
    std::unique_ptr<LocalSide> receiver_;
};

TEST_F(CompletionChannel, BelongsToItsContext) {
    EXPECT_EQ(channel()->context, context());
}

TEST_F(CompletionChannel, SaysTryAgainWhenItIsEmptyAndDoesNotBlock) {
    ibv_cq *cq = nullptr;
    void *cq_context = nullptr;
    errno = 0;
    EXPECT_EQ(ibv_get_cq_event(channel(), &cq, &cq_context), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(CompletionChannel, GetsNoEventWithoutArming) {
    deliver();
    expect_no_event();
}

TEST_F(CompletionChannel, GetsAnEventAfterArming) {
    arm();
    deliver();
    expect_event();
}

TEST_F(CompletionChannel, GetsOneEventPerArmingHoweverManyCompletionsCome) {
    arm();
    for (int i = 0; i < 5; ++i) {
        deliver();
    }
    expect_event();
    expect_no_event();
}

TEST_F(CompletionChannel, GetsOneEventWhenArmedTwice) {
    arm();
    arm();
    deliver();
    expect_event();
    deliver();
    expect_no_event();
}

TEST_F(CompletionChannel, GetsAnEventForEachRoundOfArming) {
    for (int i = 0; i < iterations(20); ++i) {
        arm();
        deliver();
        expect_event();
        ASSERT_EQ(receiver().post_recv(0, {{0, 64}}), 0);
    }
}

TEST_F(CompletionChannel, ArmedForSolicitedCompletionsIgnoresOthers) {
    arm(true);
    deliver();
    expect_no_event();
    deliver(IBV_SEND_SOLICITED);
    expect_event();
}

TEST_F(CompletionChannel, ArmedForAllCompletionsTakesSolicitedOnes) {
    arm();
    deliver(IBV_SEND_SOLICITED);
    expect_event();
}

TEST_F(CompletionChannel, ArmedForAllStaysSoWhenArmedForSolicitedToo) {
    arm();
    arm(true);
    deliver();
    expect_event();
}

TEST_F(CompletionChannel, ArmedForSolicitedCompletionsTakesFailures) {
    arm(true);
    ASSERT_EQ(receiver().change_state(IBV_QPS_ERR), 0);
    expect_event();
    EXPECT_EQ(collect(cq(), 32).size(), 32u);
}

// UCX polls, arms and sleeps without another look, as NICs let it: they tell when a queue is armed
// that has something of which they told nobody.
TEST_F(CompletionChannel, GetsAnEventForWhatCameBeforeArming) {
    leave();
    arm();
    expect_event();
    EXPECT_EQ(receiver().received().status, IBV_WC_SUCCESS);
}

TEST_F(CompletionChannel, GetsNoEventForWhatWasPolledBeforeArming) {
    deliver();
    arm();
    expect_no_event();
}

TEST_F(CompletionChannel, GetsNoSecondEventForWhatItWasToldOf) {
    arm();
    leave();
    expect_event();
    arm();
    expect_no_event();
}

TEST_F(CompletionChannel, ArmedForSolicitedCompletionsIsToldOfThoseThatCameBefore) {
    leave();
    arm(true);
    expect_no_event();
    leave(IBV_SEND_SOLICITED);
    expect_event();
    leave(IBV_SEND_SOLICITED);
    leave();
    arm(true);
    expect_event();
}

TEST_F(CompletionChannel, ArmedForSolicitedCompletionsIsToldOfThemAfterLongPolling) {
    arm(true);
    ibv_wc wc{};
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_EQ(ibv_poll_cq(cq(), 1, &wc), 0);
    }
    leave(IBV_SEND_SOLICITED);
    expect_event();
}

TEST_F(CompletionChannel, GetsEventsOfSendQueuesToo) {
    ibv_cq *send_cq = receiver().send_cq();
    ASSERT_EQ(sender().post_recv(0, {{0, 64}}), 0);
    ASSERT_EQ(ibv_req_notify_cq(send_cq, 0), 0);
    ASSERT_EQ(receiver().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_EQ(event(), send_cq);
    ibv_ack_cq_events(send_cq, 1);
    EXPECT_TRUE(succeeded(receiver().sent(), 1, IBV_WC_SEND));
}

TEST_F(CompletionChannel, TellsTheCompletionQueuesOnItApart) {
    int first_context = 0;
    int second_context = 0;
    const Cq cqs[] = {create_cq(context(), 16, channel(), &first_context),
                      create_cq(context(), 16, channel(), &second_context)};
    for (const Cq &wanted : cqs) {
        ibv_qp_init_attr init{};
        init.send_cq = wanted.get();
        init.recv_cq = wanted.get();
        init.qp_type = IBV_QPT_RC;
        init.cap = {1, 1, 1, 1, 0};
        const Qp qp(ibv_create_qp(receiver().pd(), &init));
        ASSERT_TRUE(qp);
        ASSERT_EQ(rc_init().apply(qp.get()), 0);
        ibv_recv_wr wr{};
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(qp.get(), &wr, &bad), 0);
        for (const Cq &each : cqs) {
            ASSERT_EQ(ibv_req_notify_cq(each.get(), 0), 0);
        }
        ASSERT_EQ(to_state(IBV_QPS_ERR).apply(qp.get()), 0);
        ASSERT_EQ(event(), wanted.get());
        ibv_ack_cq_events(wanted.get(), 1);
        expect_no_event();
        EXPECT_TRUE(ended(collect_one(wanted.get()), 0, IBV_WC_WR_FLUSH_ERR));
    }
}

TEST_F(CompletionChannel, ForgetsTheEventsOfADestroyedQueue) {
    auto gone = std::make_unique<LocalSide>(context(), SideOptions{}, channel());
    join(*gone, *gone);
    ASSERT_EQ(ibv_req_notify_cq(gone->recv_cq(), 0), 0);
    ASSERT_EQ(gone->post_recv(0, {}), 0);
    ASSERT_EQ(gone->change_state(IBV_QPS_ERR), 0);
    ASSERT_TRUE(wait_readable(channel()->fd));
    gone.reset();
    arm();
    deliver();
    expect_event();
    expect_no_event();
}

TEST_F(CompletionChannel, StaysWhileACompletionQueueReportsToIt) {
    EXPECT_EQ(owned_channel().close(), EBUSY);
}

TEST_F(CompletionChannel, WakesAThreadThatWaitsInTheCall) {
    const int flags = ::fcntl(channel()->fd, F_GETFL);
    ASSERT_EQ(::fcntl(channel()->fd, F_SETFL, flags & ~O_NONBLOCK), 0);
    arm();
    ibv_cq *woken_by = nullptr;
    std::thread waiter([&] {
        void *cq_context = nullptr;
        if (ibv_get_cq_event(channel(), &woken_by, &cq_context) == 0) {
            ibv_ack_cq_events(woken_by, 1);
        }
    });
    deliver();
    waiter.join();
    EXPECT_EQ(woken_by, cq());
}

class AcknowledgedQueue : public CompletionChannel {};

TEST_F(AcknowledgedQueue, IsDestroyedOnlyWhenEachEventIsAcknowledged) {
    auto side = std::make_unique<LocalSide>(context(), SideOptions{}, channel());
    Cq cq = create_cq(context(), 16, channel());
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {4, 4, 1, 1, 0};
    {
        const Qp qp(ibv_create_qp(side->pd(), &init));
        ASSERT_TRUE(qp);
        for (int i = 0; i < 2; ++i) {
            ASSERT_EQ(ibv_req_notify_cq(cq.get(), 0), 0);
            ASSERT_EQ(rc_init().apply(qp.get()), 0);
            ibv_recv_wr wr{};
            ibv_recv_wr *bad = nullptr;
            ASSERT_EQ(ibv_post_recv(qp.get(), &wr, &bad), 0);
            ASSERT_EQ(to_state(IBV_QPS_ERR).apply(qp.get()), 0);
            ASSERT_EQ(event(), cq.get());
            ASSERT_EQ(to_state(IBV_QPS_RESET).apply(qp.get()), 0);
        }
    }
    ibv_cq *raw = cq.release();
    std::atomic<int> result{-1};
    std::thread destroyer([&] { result = ibv_destroy_cq(raw); });
    EXPECT_TRUE(never([&] { return result != -1; })) << "two events are open";
    ibv_ack_cq_events(raw, 1);
    EXPECT_TRUE(never([&] { return result != -1; })) << "one event is open";
    ibv_ack_cq_events(raw, 1);
    EXPECT_TRUE(eventually([&] { return result == 0; }));
    destroyer.join();
}

TEST_F(AcknowledgedQueue, MayAcknowledgeManyEventsAtOnce) {
    for (int i = 0; i < 10; ++i) {
        arm();
        deliver();
        ASSERT_EQ(event(), cq());
    }
    ibv_ack_cq_events(cq(), 10);
}

TEST_F(AcknowledgedQueue, MayAcknowledgeNothing) {
    ibv_ack_cq_events(cq(), 0);
}

}  // namespace
