// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <rdma/ib_user_verbs.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace {

using verbs_test::FakeChannel;

class CompChannelApi : public verbs_test::FakeQueues {
protected:
    void raise(const void *about) const {
        const ib_uverbs_comp_event_desc event{reinterpret_cast<std::uintptr_t>(about)};
        const int fd = static_cast<const FakeChannel *>(channel)->write_fd;
        ASSERT_EQ(::write(fd, &event, sizeof event), static_cast<ssize_t>(sizeof event));
    }
    void make_nonblocking() const {
        ASSERT_EQ(::fcntl(channel->fd, F_SETFL, ::fcntl(channel->fd, F_GETFL) | O_NONBLOCK), 0);
    }
};

}  // namespace

TEST_F(CompChannelApi, GivesTheEventWithItsCqAndContext) {
    raise(cq);
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    const int before = fake.calls_of("cq_event");
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), 0);
    EXPECT_EQ(found, cq);
    EXPECT_EQ(found_context, this);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(fake.calls_of("cq_event"), before + 1);
    ibv_ack_cq_events(cq, 1);
}

TEST_F(CompChannelApi, HasNothingForANonBlockingReader) {
    make_nonblocking();
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_EQ(found, nullptr);
}

TEST_F(CompChannelApi, DropsAnEventOfACqThatIsGone) {
    make_nonblocking();
    ibv_cq *late = ibv_create_cq(context, 1, nullptr, channel, 0);
    ASSERT_EQ(ibv_destroy_cq(late), 0);
    raise(late);
    raise(nullptr);
    raise(this);
    raise(cq);
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), 0);
    EXPECT_EQ(found, cq);
    ibv_ack_cq_events(cq, 1);
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(CompChannelApi, ReportsHalfARecordAsAnInputOutputError) {
    const int fd = static_cast<const FakeChannel *>(channel)->write_fd;
    ASSERT_EQ(::write(fd, "abc", 3), 3);
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    EXPECT_EQ(ibv_get_cq_event(channel, &found, &found_context), -1);
    EXPECT_EQ(errno, EIO);
}

TEST_F(CompChannelApi, IsInterruptedByASignal) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
    std::atomic<bool> is_back = false;
    int result = 0;
    int code = 0;
    std::thread waiter([&] {
        ibv_cq *found = nullptr;
        void *found_context = nullptr;
        result = ibv_get_cq_event(channel, &found, &found_context);
        code = errno;
        is_back = true;
    });
    // Until it waits a signal has no effect, so it is sent until one has.
    EXPECT_TRUE(verbs_test::eventually([&] {
        ::pthread_kill(waiter.native_handle(), SIGUSR1);
        return is_back.load();
    }));
    waiter.join();
    EXPECT_EQ(result, -1);
    EXPECT_EQ(code, EINTR);
}

TEST_F(CompChannelApi, IsWhereAThreadMayBeCancelled) {
    if (!verbs_test::kCanCancelThreads) GTEST_SKIP() << "not under the address sanitizer";
    struct Waiter {
        ibv_comp_channel *channel;
        static void *run(void *self) {
            ibv_cq *found = nullptr;
            void *found_context = nullptr;
            ibv_get_cq_event(static_cast<Waiter *>(self)->channel, &found, &found_context);
            return nullptr;
        }
    } waiter{channel};
    pthread_t thread;
    ASSERT_EQ(::pthread_create(&thread, nullptr, &Waiter::run, &waiter), 0);
    EXPECT_EQ(::pthread_cancel(thread), 0);
    void *result = nullptr;
    EXPECT_EQ(::pthread_join(thread, &result), 0);
    EXPECT_EQ(result, PTHREAD_CANCELED);
}

TEST_F(CompChannelApi, CountsItsCqs) {
    EXPECT_EQ(channel->refcnt, 1);
    ibv_cq *other = ibv_create_cq(context, 1, nullptr, channel, 0);
    EXPECT_EQ(channel->refcnt, 2);
    EXPECT_EQ(ibv_destroy_cq(other), 0);
    EXPECT_EQ(channel->refcnt, 1);
}

TEST_F(CompChannelApi, IsNotDestroyedWhileACqReportsToIt) {
    EXPECT_EQ(ibv_destroy_comp_channel(channel), EBUSY);
    EXPECT_EQ(errno, EBUSY);
    EXPECT_STREQ(verbs_last_error(), "1 CQs still report to the channel");
}

TEST_F(CompChannelApi, RefusesHandlesThatAreNotOurs) {
    verbs_test::Foreign foreign;
    ibv_cq *found = nullptr;
    void *found_context = nullptr;
    EXPECT_EQ(ibv_get_cq_event(&foreign.channel, &found, &found_context), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_get_cq_event(nullptr, &found, &found_context), -1);
    EXPECT_EQ(ibv_get_cq_event(channel, nullptr, &found_context), -1);
    EXPECT_EQ(ibv_destroy_comp_channel(&foreign.channel), EINVAL);
}
