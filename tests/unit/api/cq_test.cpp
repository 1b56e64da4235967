// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <rdma/ib_user_verbs.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace {

using verbs_test::FakeChannel;

class CqApi : public verbs_test::FakeQueues {
protected:
    // Takes one completion event of the CQ.
    void take_event() {
        const ib_uverbs_comp_event_desc event{reinterpret_cast<std::uintptr_t>(cq)};
        const int fd = static_cast<FakeChannel *>(channel)->write_fd;
        ASSERT_EQ(::write(fd, &event, sizeof event), static_cast<ssize_t>(sizeof event));
        ibv_cq *found = nullptr;
        void *found_context = nullptr;
        ASSERT_EQ(ibv_get_cq_event(channel, &found, &found_context), 0);
    }
};

}  // namespace

TEST_F(CqApi, HoldsWhatItWasMadeWith) {
    EXPECT_EQ(cq->context, context);
    EXPECT_EQ(cq->channel, channel);
    EXPECT_EQ(cq->cq_context, this);
    EXPECT_EQ(cq->cqe, 8);
    EXPECT_EQ(cq->comp_events_completed, 0u);
    EXPECT_EQ(cq->async_events_completed, 0u);
}

TEST_F(CqApi, RefusesSizesAndVectorsThatMakeNoSense) {
    for (const int cqe : {0, -1})
        EXPECT_EQ(ibv_create_cq(context, cqe, nullptr, nullptr, 0), nullptr);
    for (const int vector : {-1, 2})
        EXPECT_EQ(ibv_create_cq(context, 1, nullptr, nullptr, vector), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_resize_cq(cq, 0), EINVAL);
}

TEST_F(CqApi, RefusesAChannelOfAnotherDevice) {
    verbs_test::Foreign foreign;
    EXPECT_EQ(ibv_create_cq(context, 1, nullptr, &foreign.channel, 0), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(CqApi, ThatCouldNotBeMadeCountsForNothing) {
    fail("create_cq", ENOMEM);
    EXPECT_EQ(ibv_create_cq(context, 1, nullptr, channel, 0), nullptr);
    EXPECT_EQ(channel->refcnt, 1);
}

TEST_F(CqApi, CountsAcknowledgements) {
    take_event();
    take_event();
    ibv_ack_cq_events(cq, 2);
    EXPECT_EQ(cq->comp_events_completed, 2u);
}

TEST_F(CqApi, IsDestroyedOnlyWhenItsEventsAreAcknowledged) {
    take_event();
    take_event();
    std::atomic<bool> is_destroyed = false;
    std::thread destroyer([&] {
        EXPECT_EQ(ibv_destroy_cq(cq), 0);
        is_destroyed = true;
    });
    EXPECT_TRUE(verbs_test::never([&] { return is_destroyed.load(); }));
    ibv_ack_cq_events(cq, 1);
    EXPECT_TRUE(verbs_test::never([&] { return is_destroyed.load(); }));
    ibv_ack_cq_events(cq, 1);
    destroyer.join();
    cq = nullptr;
}

TEST_F(CqApi, OfAProviderThatForgetsToRetireIsForgottenAnyway) {
    fake.retires = false;
    EXPECT_EQ(ibv_destroy_cq(cq), 0);
    const ib_uverbs_comp_event_desc event{reinterpret_cast<std::uintptr_t>(cq)};
    cq = nullptr;
    const int fd = static_cast<FakeChannel *>(channel)->write_fd;
    ASSERT_EQ(::write(fd, &event, sizeof event), static_cast<ssize_t>(sizeof event));
    ::close(fd);
    static_cast<FakeChannel *>(channel)->write_fd = -1;
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    // The event is dropped; behind it is the end of the pipe.
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), -1);
    EXPECT_EQ(errno, EIO);
}

TEST_F(CqApi, StaysWhenTheProviderRefusesToEndIt) {
    fail("destroy_cq", EBUSY);
    EXPECT_EQ(ibv_destroy_cq(cq), EBUSY);
    EXPECT_EQ(channel->refcnt, 1);
    take_event();
    ibv_ack_cq_events(cq, 1);
}

TEST_F(CqApi, IsAcknowledgedByManyThreads) {
    constexpr int kEvents = 200;
    for (int i = 0; i < kEvents; ++i)
        take_event();
    std::thread destroyer([&] { EXPECT_EQ(ibv_destroy_cq(cq), 0); });
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([this] {
            for (int round = 0; round < kEvents / 4; ++round)
                ibv_ack_cq_events(cq, 1);
        });
    for (auto &thread : threads)
        thread.join();
    destroyer.join();
    cq = nullptr;
}

TEST_F(CqApi, RefusesToAcknowledgeForAnotherLibrary) {
    verbs_test::Foreign foreign;
    ibv_ack_cq_events(&foreign.cq, 1);
    ibv_ack_cq_events(nullptr, 1);
    EXPECT_EQ(foreign.cq.comp_events_completed, 0u);
    EXPECT_EQ(errno, kUntouched);
}
