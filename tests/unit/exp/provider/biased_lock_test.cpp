// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <verbs/biased_lock.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace {

using verbs::provider::BiasedLock;

class BiasedLockTest : public testing::Test {
protected:
    // Adds to what only the lock guards.
    void count(int times) {
        for (int i = 0; i < times; ++i) {
            lock_.lock();
            ++counted_;
            lock_.unlock();
        }
    }
    void count_in_threads(std::size_t threads, int times) {
        std::vector<std::thread> running;
        for (std::size_t i = 0; i < threads; ++i)
            running.emplace_back([this, times] { count(times); });
        for (std::thread &thread : running)
            thread.join();
    }
    BiasedLock lock_;
    int counted_ = 0;
};

constexpr int kTimes = 20000;

TEST_F(BiasedLockTest, KeepsThreadsApartThatAllBeginTogether) {
    lock_.bias();
    count_in_threads(4, kTimes);
    EXPECT_EQ(counted_, 4 * kTimes);
}

TEST_F(BiasedLockTest, KeepsThreadsApartWithoutBias) {
    count_in_threads(4, kTimes);
    EXPECT_EQ(counted_, 4 * kTimes);
}

TEST_F(BiasedLockTest, IsTakenFromAnOwnerThatGoesOnWithIt) {
    for (int round = 0; round < 50; ++round) {
        BiasedLock fresh;
        fresh.bias();
        int counted = 0;
        std::atomic<bool> owner_runs{false};
        const auto add = [&](int times) {
            for (int i = 0; i < times; ++i) {
                fresh.lock();
                ++counted;
                fresh.unlock();
                owner_runs.store(true, std::memory_order_relaxed);
            }
        };
        std::thread owner(add, 2000);
        while (!owner_runs.load(std::memory_order_relaxed))
            std::this_thread::yield();
        add(2000);
        owner.join();
        ASSERT_EQ(counted, 4000);
    }
}

TEST_F(BiasedLockTest, IsWaitedForWhileItsOwnerIsInside) {
    lock_.bias();
    lock_.lock();
    std::atomic<bool> comes{false};
    int seen = 0;
    std::thread other([&] {
        comes.store(true);
        lock_.lock();
        seen = counted_;
        lock_.unlock();
    });
    while (!comes.load())
        std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) {
        ++counted_;
        std::this_thread::yield();
    }
    lock_.unlock();
    other.join();
    EXPECT_EQ(seen, 1000);
}

TEST_F(BiasedLockTest, IsTakenAgainByItsFormerOwner) {
    lock_.bias();
    count(1);
    count_in_threads(1, 1);
    count(1);
    count_in_threads(1, 1);
    EXPECT_EQ(counted_, 4);
}

}  // namespace
