// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queues that are armed for solicited completions: which kinds of message wake them, on both sides
// and by every way that a message takes. The simplest cases are in channel_test.cpp.
#include "echo.hpp"
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

class Solicited : public RcTest {
protected:
    static constexpr uint32_t kLong = 100000;

    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        channel_ = create_channel(context());
        make_nonblocking(channel_->fd);
        SideOptions options;
        options.memory = 1 << 18;
        listener_ = std::make_unique<LocalSide>(context(), options, channel_.get());
        talker_ = make_there(GetParam(), options);
        join(*listener_, *talker_);
    }
    void arm(ibv_cq *cq) { ASSERT_EQ(ibv_req_notify_cq(cq, 1), 0); }
    void expect_event(ibv_cq *from) {
        ASSERT_TRUE(wait_readable(channel_->fd));
        ibv_cq *cq = nullptr;
        void *cq_context = nullptr;
        ASSERT_EQ(ibv_get_cq_event(channel_.get(), &cq, &cq_context), 0);
        EXPECT_EQ(cq, from);
        ibv_ack_cq_events(cq, 1);
    }
    void expect_quiet() { EXPECT_FALSE(wait_readable(channel_->fd, kQuiet)); }
    // The request without the flag is silent, and with it wakes the receiver.
    void expect_wakes_when_solicited(const Sending &request) {
        ASSERT_NO_FATAL_FAILURE(arm(listener_->recv_cq()));
        for (uint64_t id = 0; id < 2; ++id) {
            ASSERT_EQ(listener_->post_recv(id, {{0, kLong}}), 0);
        }
        ASSERT_EQ(talker_->post_send(request), 0);
        ASSERT_EQ(talker_->sent().status, IBV_WC_SUCCESS);
        expect_quiet();
        ASSERT_EQ(talker_->post_send(request.with(IBV_SEND_SOLICITED)), 0);
        ASSERT_NO_FATAL_FAILURE(expect_event(listener_->recv_cq()));
        ASSERT_EQ(talker_->sent().status, IBV_WC_SUCCESS);
        ASSERT_EQ(listener_->received(2).size(), 2u);
    }
    LocalSide &listener() { return *listener_; }
    Side &talker() { return *talker_; }

private:
    Channel channel_;
    std::unique_ptr<LocalSide> listener_;
    std::unique_ptr<Side> talker_;
};
VERBS_TEST_EVERYWHERE(Solicited);

TEST_P(Solicited, SendsOfEverySizeWakeTheReceiver) {
    for (const uint32_t size : {0u, 1u, 5000u, kLong}) {
        SCOPED_TRACE(size);
        ASSERT_NO_FATAL_FAILURE(expect_wakes_when_solicited(make_send(1, {{0, size}})));
    }
}

TEST_P(Solicited, InlineSendsWakeTheReceiver) {
    expect_wakes_when_solicited(make_send(1, {{0, 32}}).with(IBV_SEND_INLINE));
}

TEST_P(Solicited, ImmediatesWakeTheReceiver) {
    expect_wakes_when_solicited(make_send(1, {{0, 32}}).with_imm(5));
    expect_wakes_when_solicited(make_write(1, {{0, kLong}}, listener().at(0)).with_imm(6));
}

TEST_P(Solicited, WritesWithoutImmediateWakeNobody) {
    ASSERT_NO_FATAL_FAILURE(arm(listener().recv_cq()));
    ASSERT_EQ(
        talker().post_send(make_write(1, {{0, 32}}, listener().at(0)).with(IBV_SEND_SOLICITED)), 0);
    ASSERT_TRUE(succeeded(talker().sent(), 1, IBV_WC_RDMA_WRITE));
    expect_quiet();
}

TEST_P(Solicited, IsNoMatterOfTheSenderWhoseSuccessIsSilent) {
    ASSERT_NO_FATAL_FAILURE(arm(listener().send_cq()));
    ASSERT_EQ(talker().post_recv(1, {{0, 32}}), 0);
    ASSERT_EQ(listener().post_send(make_send(2, {{0, 32}}).with(IBV_SEND_SOLICITED)), 0);
    ASSERT_TRUE(succeeded(talker().received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(listener().sent(), 2, IBV_WC_SEND));
    expect_quiet();
}

TEST_P(Solicited, OrFailedRequestsWakeTheSender) {
    ASSERT_NO_FATAL_FAILURE(arm(listener().send_cq()));
    RemotePlace place = talker().at(0);
    place.rkey ^= 0x00ffff00;
    ASSERT_EQ(listener().post_send(make_write(1, {{0, 32}}, place)), 0);
    // Nobody polls before the event has come.
    ASSERT_NO_FATAL_FAILURE(expect_event(listener().send_cq()));
    EXPECT_TRUE(ended(listener().sent(), 1, IBV_WC_REM_ACCESS_ERR));
}

TEST_P(Solicited, OrFlushedReceivesWakeTheReceiver) {
    ASSERT_EQ(listener().post_recv(1, {{0, 32}}), 0);
    ASSERT_NO_FATAL_FAILURE(arm(listener().recv_cq()));
    ASSERT_EQ(listener().change_state(IBV_QPS_ERR), 0);
    ASSERT_NO_FATAL_FAILURE(expect_event(listener().recv_cq()));
    EXPECT_TRUE(ended(listener().received(), 1, IBV_WC_WR_FLUSH_ERR));
}

}  // namespace
