// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Both sides of a queue at once, for the sanitizers: several threads that post and poll, and a
// kernel that reads requests and writes completions meanwhile.
#include "fake_kernel.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

namespace {

using namespace verbs_test;

constexpr uint64_t kRequests = 20000;

class Threads : public QueuePair {
protected:
    void SetUp() override {
        make(IBV_QPT_RC);
        context.cmd_fd = nowhere.get();
        cq.context = &context;
        ASSERT_TRUE(rxe::attach(cq, completions.map()));
    }

    // Posts numbers from `first` on, as fast as there is room, each with inline data that tells it.
    void post_all(uint64_t first) {
        for (uint64_t i = 0; i < kRequests; ++i) {
            uint64_t number = first + i;
            ibv_sge sge{reinterpret_cast<uintptr_t>(&number), sizeof number, 0};
            ibv_send_wr wr = request(IBV_WR_SEND, IBV_SEND_INLINE);
            wr.wr_id = number;
            wr.sg_list = &sge;
            wr.num_sge = 1;
            ibv_send_wr *bad = nullptr;
            while (rxe::post_send(&qp, &wr, &bad) != 0)
                ::sched_yield();
        }
    }
    // The kernel: completes what it finds.
    void serve(uint64_t count) {
        while (count > 0) {
            if (sends.waiting() == 0) {
                ::sched_yield();
                continue;
            }
            ib_uverbs_wc wc{};
            wc.wr_id = long_at(sends.oldest(), 0);
            EXPECT_EQ(long_at(sends.oldest(), 208), wc.wr_id) << "the data belongs to the request";
            sends.complete();
            while (!completions.push(wc))
                ::sched_yield();
            --count;
        }
    }
    // Polls until `count` have been taken by all, and adds up the numbers of its own.
    void poll_all(uint64_t count, std::atomic<uint64_t> &taken, std::atomic<uint64_t> &sum) {
        while (taken.load() < count) {
            std::array<ibv_wc, 3> wcs;
            const int found = rxe::poll_cq(&cq, 3, wcs.data());
            if (found == 0) ::sched_yield();
            for (int i = 0; i < found; ++i)
                sum += wcs[static_cast<std::size_t>(i)].wr_id;
            taken += static_cast<uint64_t>(found);
        }
    }

    verbs::UniqueFd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    KernelQueue completions{8, 6};
    rxe::Cq cq;
};

TEST_F(Threads, ThatPostAndPollLoseAndRepeatNothing) {
    constexpr uint64_t kAll = 2 * kRequests;
    std::atomic<uint64_t> taken{0};
    std::atomic<uint64_t> sum{0};
    std::thread kernel([&] { serve(kAll); });
    std::thread posts_low([&] { post_all(0); });
    std::thread posts_high([&] { post_all(kRequests); });
    std::thread polls([&] { poll_all(kAll, taken, sum); });
    poll_all(kAll, taken, sum);
    for (std::thread *thread : {&kernel, &posts_low, &posts_high, &polls})
        thread->join();
    EXPECT_EQ(taken.load(), kAll);
    EXPECT_EQ(sum.load(), kAll * (kAll - 1) / 2);
    EXPECT_EQ(sends.waiting(), 0u);
}

}  // namespace
