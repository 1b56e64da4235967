// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Resizing a completion queue: what waits in it stays in order, also while others fill and poll it
// (IBTA volume 1, 11.2.8.3).
#include "side.hpp"

#include <atomic>
#include <thread>

namespace {

using namespace verbs_test;

class CqResize : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("resize_cq");
        if (IsSkipped()) return;
        SideOptions options;
        options.cqe = 16;
        side_ = std::make_unique<LocalSide>(context(), options);
        join(*side_, *side_);
    }
    // Leaves completions of receives in the queue, with these numbers.
    void leave_waiting(uint64_t first, uint64_t count) {
        for (uint64_t id = first; id < first + count; ++id) {
            ASSERT_EQ(side_->post_recv(id, {}), 0);
            ASSERT_EQ(side_->post_send(make_send(id, {})), 0);
            ASSERT_TRUE(succeeded(side_->sent(), id, IBV_WC_SEND));
        }
    }
    void expect_waiting(uint64_t first, uint64_t count) {
        const std::vector<ibv_wc> wcs = side_->received(count);
        for (uint64_t i = 0; i < count; ++i) {
            EXPECT_TRUE(succeeded(wcs[i], first + i, IBV_WC_RECV));
        }
        EXPECT_TRUE(is_empty(cq()));
    }
    [[nodiscard]] LocalSide &side() { return *side_; }
    [[nodiscard]] ibv_cq *cq() const { return side_->recv_cq(); }

private:
    std::unique_ptr<LocalSide> side_;
};

TEST_F(CqResize, TellsTheNewSizeInTheQueue) {
    for (const int cqe : {100, 4096, 7, 1}) {
        ASSERT_EQ(ibv_resize_cq(cq(), cqe), 0) << cqe;
        EXPECT_GE(cq()->cqe, cqe);
        EXPECT_LT(cq()->cqe, 2 * 4096);
    }
}

TEST_F(CqResize, KeepsWhatWaitsInOrderWhenItGrows) {
    leave_waiting(1, 16);
    ASSERT_EQ(ibv_resize_cq(cq(), 64), 0);
    leave_waiting(17, 40);
    expect_waiting(1, 56);
}

TEST_F(CqResize, KeepsWhatWaitsInOrderWhenItShrinks) {
    ASSERT_EQ(ibv_resize_cq(cq(), 1024), 0);
    // Past the end of the ring and around, so that what waits does not begin at its start.
    leave_waiting(1, 10);
    EXPECT_TRUE(succeeded(side().received(), 1, IBV_WC_RECV));
    leave_waiting(11, 3);
    ASSERT_EQ(ibv_resize_cq(cq(), 12), 0);
    expect_waiting(2, 12);
    leave_waiting(14, 12);
    expect_waiting(14, 12);
}

TEST_F(CqResize, ToExactlyWhatWaitsIsGranted) {
    leave_waiting(1, 5);
    ASSERT_EQ(ibv_resize_cq(cq(), 5), 0);
    expect_waiting(1, 5);
}

TEST_F(CqResize, BelowWhatWaitsIsRefusedAndChangesNothing) {
    leave_waiting(1, 9);
    const int before = cq()->cqe;
    EXPECT_EQ(ibv_resize_cq(cq(), 8), EINVAL);
    EXPECT_EQ(cq()->cqe, before);
    leave_waiting(10, 7);
    expect_waiting(1, 16);
}

TEST_F(CqResize, OutsideOfTheDevicesLimitsIsRefused) {
    const int before = cq()->cqe;
    EXPECT_EQ(ibv_resize_cq(cq(), 0), EINVAL);
    EXPECT_EQ(ibv_resize_cq(cq(), -1), EINVAL);
    const int most = device_limits(context()).max_cqe;
    if (most < INT32_MAX) {
        EXPECT_EQ(ibv_resize_cq(cq(), most + 1), EINVAL);
    }
    EXPECT_EQ(cq()->cqe, before);
}

TEST_F(CqResize, LeavesTheQueueArmed) {
    const Channel channel = create_channel(context());
    LocalSide armed(context(), {}, channel.get());
    join(armed, armed);
    ASSERT_EQ(ibv_req_notify_cq(armed.recv_cq(), 0), 0);
    ASSERT_EQ(ibv_resize_cq(armed.recv_cq(), 1000), 0);
    ASSERT_EQ(armed.post_recv(1, {}), 0);
    ASSERT_EQ(armed.post_send(make_send(2, {})), 0);
    ibv_cq *which = nullptr;
    void *mine = nullptr;
    ASSERT_EQ(ibv_get_cq_event(channel.get(), &which, &mine), 0);
    EXPECT_EQ(which, armed.recv_cq());
    ibv_ack_cq_events(which, 1);
    EXPECT_TRUE(succeeded(armed.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(armed.sent(), 2, IBV_WC_SEND));
}

TEST_F(CqResize, LosesNothingWhileOthersFillAndPoll) {
    std::atomic<bool> is_over{false};
    std::atomic<int> resized{0};
    std::thread resizer([&] {
        for (int i = 0; !is_over; ++i) {
            if (ibv_resize_cq(cq(), 16 + (i * 37) % 500) == 0) ++resized;
        }
    });
    const auto rounds = static_cast<uint64_t>(iterations(2000));
    uint64_t next = 0;
    for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
        for (uint64_t i = 0; i < 8; ++i) {
            ASSERT_EQ(side().post_recv(round * 8 + i, {}), 0);
            ASSERT_EQ(side().post_send(make_send(i, {})), 0);
        }
        for (const ibv_wc &wc : side().received(8)) {
            EXPECT_TRUE(succeeded(wc, next++, IBV_WC_RECV));
        }
        EXPECT_EQ(side().sent(8).size(), 8u);
    }
    EXPECT_TRUE(eventually([&] { return resized > 0; }));
    is_over = true;
    resizer.join();
}

}  // namespace
