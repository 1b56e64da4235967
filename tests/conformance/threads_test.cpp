// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Many threads and queue pairs at once: calls are safe from any thread, and nobody waits for
// others.
#include "rc_test.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

namespace {

using namespace verbs_test;

class Threads : public RcTest {
protected:
    // Runs the same in several threads; what one throws is a failure here.
    template <typename Work>
    static void run(int count, Work work) {
        std::vector<std::thread> threads;
        for (int i = 0; i < count; ++i) {
            threads.emplace_back([i, &work] {
                try {
                    work(i);
                } catch (const std::exception &problem) {
                    ADD_FAILURE() << "thread " << i << ": " << problem.what();
                }
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
};
VERBS_TEST_EVERYWHERE(Threads);

TEST_P(Threads, MakeAndDestroyObjectsAtTheSameTime) {
    run(4, [&](int thread) {
        for (int i = 0; i < iterations(50); ++i) {
            LocalSide side(context());
            join(side, side);
            ASSERT_EQ(side.post_recv(1, {{0, 64}}), 0);
            side.store(100, pattern(static_cast<uint32_t>(thread * 1000 + i), 64));
            ASSERT_EQ(side.post_send(make_send(2, {{100, 64}})), 0);
            ASSERT_TRUE(succeeded(side.received(), 1, IBV_WC_RECV));
            ASSERT_TRUE(succeeded(side.sent(), 2, IBV_WC_SEND));
            ASSERT_EQ(side.load(0, 64), side.load(100, 64));
        }
    });
}

TEST_P(Threads, OpenAndCloseTheDeviceAtTheSameTime) {
    run(4, [&](int) {
        for (int i = 0; i < iterations(20); ++i) {
            const Context again = open_device();
            const Pd pd = alloc_pd(again.get());
            const Region region(pd.get(), 4096);
        }
    });
}

TEST_P(Threads, UseConnectionsOfTheirOwn) {
    struct Pair {
        std::unique_ptr<LocalSide> here;
        std::unique_ptr<Side> there;
    };
    std::vector<Pair> pairs;
    for (int i = 0; i < 3; ++i) {
        pairs.push_back({std::make_unique<LocalSide>(context()), make_there(GetParam(), {})});
        join(*pairs.back().here, *pairs.back().there);
    }
    run(3, [&](int thread) {
        LocalSide &here = *pairs[static_cast<size_t>(thread)].here;
        Side &there = *pairs[static_cast<size_t>(thread)].there;
        for (uint32_t i = 0; i < static_cast<uint32_t>(iterations(200)); ++i) {
            const auto data = pattern(i * 3 + static_cast<uint32_t>(thread), 700);
            here.store(0, data);
            ASSERT_EQ(there.post_recv(i, {{0, 1000}}), 0);
            ASSERT_EQ(here.post_send(make_send(i, {{0, 700}})), 0);
            ASSERT_TRUE(succeeded(there.received(), i, IBV_WC_RECV));
            ASSERT_TRUE(succeeded(here.sent(), i, IBV_WC_SEND));
            ASSERT_EQ(there.load(0, 700), data);
        }
    });
}

TEST_P(Threads, PostToOneQueuePair) {
    SideOptions options;
    options.cap.max_send_wr = 128;
    options.cap.max_recv_wr = 128;
    connect(options);
    const uint64_t each = 30;
    for (uint64_t i = 0; i < 4 * each; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 64}}), 0);
    }
    run(4, [&](int thread) {
        for (uint64_t i = 0; i < each; ++i) {
            ASSERT_EQ(
                here().post_send(make_send(static_cast<uint64_t>(thread) * each + i, {{0, 8}})), 0);
        }
    });
    std::set<uint64_t> sent;
    for (const ibv_wc &wc : here().sent(4 * each)) {
        EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
        sent.insert(wc.wr_id);
    }
    EXPECT_EQ(sent.size(), 4 * each);
    const std::vector<ibv_wc> received = there().received(4 * each);
    for (uint64_t i = 0; i < 4 * each; ++i) {
        EXPECT_TRUE(succeeded(received[i], i, IBV_WC_RECV));
    }
}

TEST_P(Threads, PollOneCompletionQueue) {
    SideOptions options;
    connect(options);
    const uint64_t count = 60;
    for (uint64_t i = 0; i < count; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 64}}), 0);
    }
    std::mutex mutex;
    std::set<uint64_t> seen;
    std::atomic<uint64_t> taken{0};
    for (uint64_t i = 0; i < count; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
    }
    run(4, [&](int) {
        const bool all = eventually([&] {
            ibv_wc wc{};
            if (ibv_poll_cq(here().send_cq(), 1, &wc) == 1) {
                const std::lock_guard guard(mutex);
                EXPECT_TRUE(seen.insert(wc.wr_id).second) << "twice: " << wc.wr_id;
                ++taken;
            }
            return taken == count;
        });
        EXPECT_TRUE(all);
    });
    EXPECT_EQ(seen.size(), count);
    EXPECT_EQ(there().received(count).size(), count);
}

TEST_P(Threads, PostAndPollOneConnection) {
    connect();
    const auto count = static_cast<uint64_t>(iterations(2000));
    const RemotePlace target = there().at(1000);
    std::atomic<uint64_t> completed{0};
    run(2, [&](int thread) {
        for (uint64_t i = 0; i < count; ++i) {
            if (thread == 0) {
                ASSERT_TRUE(eventually([&] { return i - completed < 32; }));
                ASSERT_EQ(here().post_send(make_write(i, {{0, 500}}, target)), 0);
            } else {
                ASSERT_TRUE(succeeded(here().sent(), i, IBV_WC_RDMA_WRITE));
                ++completed;
            }
        }
    });
}

TEST_P(Threads, WriteFromBothEndsOfOneConnection) {
    connect();
    const auto count = static_cast<uint64_t>(iterations(500));
    Side *sides[] = {&here(), &there()};
    const RemotePlace targets[] = {there().at(1000), here().at(1000)};
    run(2, [&](int thread) {
        Side &side = *sides[thread];
        for (uint64_t i = 0; i < count; ++i) {
            ASSERT_EQ(side.post_send(make_write(i, {{0, 500}}, targets[thread])), 0);
            ASSERT_TRUE(succeeded(side.sent(), i, IBV_WC_RDMA_WRITE));
        }
    });
}

}  // namespace
