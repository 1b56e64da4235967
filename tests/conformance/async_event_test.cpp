// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Asynchronous events: what a program sees when a peer asks a queue pair for what it may not have.
#include "echo.hpp"
#include "side.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace verbs_test;

class AsyncEvents : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        make_nonblocking(context()->async_fd);
        second_ = open_device();
    }
    // A write with a key that nobody gave; the victim's queue pair fails by it.
    void offend(LocalSide &offender, LocalSide &victim) {
        RemotePlace place = victim.memory();
        place.rkey ^= 0x5a5a5a5a;
        ASSERT_EQ(offender.post_send(make_write(1, {{0, 8}}, place)), 0);
        ASSERT_TRUE(ended(offender.sent(), 1, IBV_WC_REM_ACCESS_ERR));
    }
    [[nodiscard]] bool event(ibv_async_event *event, Milliseconds limit = patience()) const {
        return wait_readable(context()->async_fd, limit) &&
               ibv_get_async_event(context(), event) == 0;
    }
    [[nodiscard]] ibv_context *second() const { return second_.get(); }

private:
    Context second_;
};

TEST_F(AsyncEvents, SayTryAgainWhenThereAreNoneAndTheDescriptorDoesNotBlock) {
    ibv_async_event event{};
    errno = 0;
    EXPECT_EQ(ibv_get_async_event(context(), &event), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(AsyncEvents, TellOfAnAccessViolationByThePeer) {
    LocalSide offender(second());
    LocalSide victim(context());
    join(offender, victim);
    offend(offender, victim);
    ibv_async_event what{};
    ASSERT_TRUE(event(&what));
    EXPECT_EQ(what.event_type, IBV_EVENT_QP_ACCESS_ERR) << ibv_event_type_str(what.event_type);
    EXPECT_EQ(what.element.qp, victim.qp());
    ibv_ack_async_event(&what);
}

TEST_F(AsyncEvents, HoldTheirQueuePairUntilTheyAreAcknowledged) {
    LocalSide offender(second());
    LocalSide victim(context());
    join(offender, victim);
    offend(offender, victim);
    ibv_async_event what{};
    ASSERT_TRUE(event(&what));
    ibv_qp *raw = victim.owned_qp().release();
    ASSERT_EQ(what.element.qp, raw);
    std::atomic<int> result{-1};
    std::thread destroyer([&] { result = ibv_destroy_qp(raw); });
    EXPECT_TRUE(never([&] { return result != -1; }));
    ibv_ack_async_event(&what);
    EXPECT_TRUE(eventually([&] { return result == 0; }));
    destroyer.join();
}

TEST_F(AsyncEvents, OfADestroyedQueuePairAreForgotten) {
    LocalSide offender(second());
    {
        LocalSide victim(context());
        join(offender, victim);
        offend(offender, victim);
        ASSERT_TRUE(wait_readable(context()->async_fd));
    }
    ibv_async_event what{};
    EXPECT_FALSE(event(&what, kQuiet));
}

TEST_F(AsyncEvents, TellOfAnOverrunCompletionQueue) {
    SideOptions options;
    options.cqe = 1;
    options.cap.max_recv_wr = 1024;
    LocalSide side(context(), options);
    const auto granted = static_cast<uint64_t>(side.recv_cq()->cqe);
    ASSERT_LT(granted, 1000u) << "more than can be filled here";
    join(side, side);
    for (uint64_t i = 0; i < 1024; ++i) {
        ASSERT_EQ(side.post_recv(i, {}), 0);
    }
    ASSERT_EQ(side.change_state(IBV_QPS_ERR), 0);
    ibv_async_event what{};
    ASSERT_TRUE(event(&what));
    EXPECT_EQ(what.event_type, IBV_EVENT_CQ_ERR) << ibv_event_type_str(what.event_type);
    EXPECT_EQ(what.element.cq, side.recv_cq());
    ibv_ack_async_event(&what);
    // What fitted may still be read; what follows is nothing or an error, and the device goes on.
    uint64_t taken = 0;
    ibv_wc wc{};
    while (ibv_poll_cq(side.recv_cq(), 1, &wc) == 1) {
        ++taken;
    }
    EXPECT_LE(taken, granted);
    LocalSide other(context());
    join(other, other);
    ASSERT_EQ(other.post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(other.post_send(make_send(2, {{8, 8}})), 0);
    EXPECT_TRUE(succeeded(other.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(other.sent(), 2, IBV_WC_SEND));
}

}  // namespace
