// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The data path when the device was removed: the kernel answers EIO to every command and touches no
// queue any more. Nothing waits, and nothing goes beyond the queues.
#include "fake_kernel.hpp"

#include <fcntl.h>

namespace {

using namespace verbs_test;

constexpr int kMoreThanTheSlots = 3 * static_cast<int>(kSlots);

class RemovedDevice : public QueuePair {
protected:
    // Writing to this file gives EIO: there is no memory at its start.
    RemovedDevice() : answers_eio_(::open("/proc/self/mem", O_WRONLY | O_CLOEXEC)) {
        make(IBV_QPT_RC);
        context.cmd_fd = answers_eio_.get();
    }

    rxe::Cq cq_;

private:
    verbs::UniqueFd answers_eio_;
};

TEST_F(RemovedDevice, RefusesSendsUntilTheQueueIsFullAndFromThenOn) {
    for (int i = 0; i < kMoreThanTheSlots; ++i) {
        ibv_send_wr wr = request(IBV_WR_SEND, IBV_SEND_SIGNALED);
        bad_send = nullptr;
        EXPECT_EQ(post(wr), i < static_cast<int>(kSlots) - 1 ? EIO : ENOMEM) << i;
        EXPECT_EQ(bad_send, &wr);
    }
    EXPECT_EQ(sends.waiting(), kSlots - 1);
}

TEST_F(RemovedDevice, TakesReceivesUntilTheQueueIsFullAlsoInTheErrorState) {
    for (const auto state : {IBV_QPS_RTS, IBV_QPS_ERR}) {
        qp.state = state;
        for (int i = 0; i < kMoreThanTheSlots; ++i) {
            ibv_recv_wr wr{};
            const int code = post(wr);
            EXPECT_TRUE(code == 0 || code == ENOMEM) << code;
        }
        EXPECT_EQ(receives.waiting(), kSlots - 1);
    }
}

TEST_F(RemovedDevice, ArmsNothingAndFindsNoCompletion) {
    const KernelQueue kernel(kSlots, 6);
    cq_.context = &context;
    ASSERT_TRUE(rxe::attach(cq_, kernel.map()));
    EXPECT_EQ(rxe::req_notify_cq(&cq_, 0), EIO);
    ibv_wc wc{};
    EXPECT_EQ(rxe::poll_cq(&cq_, 1, &wc), 0);
}

}  // namespace
