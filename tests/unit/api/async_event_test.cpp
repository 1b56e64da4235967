// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <rdma/ib_user_verbs.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

namespace {

class AsyncEventApi : public verbs_test::FakeQueues {
protected:
    void raise(unsigned type, std::uint64_t element) const {
        ib_uverbs_async_event_desc record{};
        record.element = element;
        record.event_type = type;
        ASSERT_EQ(::write(fake.async_write_fd, &record, sizeof record),
                  static_cast<ssize_t>(sizeof record));
    }
    void raise(unsigned type, const void *object) const {
        raise(type, std::uint64_t{reinterpret_cast<std::uintptr_t>(object)});
    }
    ibv_async_event take() const {
        ibv_async_event event{};
        EXPECT_EQ(ibv_get_async_event(context, &event), 0);
        return event;
    }
    void make_nonblocking() const { ASSERT_EQ(::fcntl(context->async_fd, F_SETFL, O_NONBLOCK), 0); }
};

}  // namespace

TEST_F(AsyncEventApi, IsAboutAQueuePair) {
    for (const auto type : {IBV_EVENT_QP_FATAL, IBV_EVENT_QP_REQ_ERR, IBV_EVENT_QP_ACCESS_ERR,
                            IBV_EVENT_COMM_EST, IBV_EVENT_SQ_DRAINED, IBV_EVENT_PATH_MIG,
                            IBV_EVENT_PATH_MIG_ERR, IBV_EVENT_QP_LAST_WQE_REACHED}) {
        raise(type, qp);
        ibv_async_event event = take();
        EXPECT_EQ(event.event_type, type);
        EXPECT_EQ(event.element.qp, qp);
        ibv_ack_async_event(&event);
    }
    EXPECT_EQ(qp->events_completed, 8u);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(AsyncEventApi, IsAboutACompletionQueue) {
    raise(IBV_EVENT_CQ_ERR, cq);
    ibv_async_event event = take();
    EXPECT_EQ(event.element.cq, cq);
    ibv_ack_async_event(&event);
    EXPECT_EQ(cq->async_events_completed, 1u);
    EXPECT_EQ(cq->comp_events_completed, 0u);
}

TEST_F(AsyncEventApi, IsAboutASharedReceiveQueue) {
    ibv_srq_init_attr attr{};
    ibv_srq *srq = ibv_create_srq(pd, &attr);
    for (const auto type : {IBV_EVENT_SRQ_ERR, IBV_EVENT_SRQ_LIMIT_REACHED}) {
        raise(type, srq);
        ibv_async_event event = take();
        EXPECT_EQ(event.element.srq, srq);
        ibv_ack_async_event(&event);
    }
    EXPECT_EQ(srq->events_completed, 2u);
    EXPECT_EQ(ibv_destroy_srq(srq), 0);
}

TEST_F(AsyncEventApi, IsAboutAPort) {
    for (const auto type :
         {IBV_EVENT_PORT_ACTIVE, IBV_EVENT_PORT_ERR, IBV_EVENT_LID_CHANGE, IBV_EVENT_PKEY_CHANGE,
          IBV_EVENT_SM_CHANGE, IBV_EVENT_CLIENT_REREGISTER, IBV_EVENT_GID_CHANGE}) {
        raise(type, std::uint64_t{1});
        ibv_async_event event = take();
        EXPECT_EQ(event.event_type, type);
        EXPECT_EQ(event.element.port_num, 1);
        ibv_ack_async_event(&event);
    }
}

TEST_F(AsyncEventApi, OfATypeFromTheFutureIsPassedOn) {
    raise(1000, std::uint64_t{3});
    ibv_async_event event = take();
    int type = 0;
    std::memcpy(&type, &event.event_type, sizeof type);
    EXPECT_EQ(type, 1000);
    ibv_ack_async_event(&event);
}

TEST_F(AsyncEventApi, OfAnObjectThatIsGoneIsDropped) {
    make_nonblocking();
    raise(IBV_EVENT_QP_FATAL, this);
    raise(IBV_EVENT_CQ_ERR, nullptr);
    ibv_async_event event{};
    EXPECT_EQ(ibv_get_async_event(context, &event), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(AsyncEventApi, HasNothingForANonBlockingReader) {
    make_nonblocking();
    ibv_async_event event{};
    EXPECT_EQ(ibv_get_async_event(context, &event), -1);
    EXPECT_EQ(errno, EAGAIN);
}

TEST_F(AsyncEventApi, IsWhereAThreadMayBeCancelled) {
    if (!verbs_test::kCanCancelThreads) GTEST_SKIP() << "not under the address sanitizer";
    pthread_t thread;
    const auto wait = [](void *waiting) -> void * {
        ibv_async_event event{};
        ibv_get_async_event(static_cast<ibv_context *>(waiting), &event);
        return nullptr;
    };
    ASSERT_EQ(::pthread_create(&thread, nullptr, wait, context), 0);
    EXPECT_EQ(::pthread_cancel(thread), 0);
    void *result = nullptr;
    EXPECT_EQ(::pthread_join(thread, &result), 0);
    EXPECT_EQ(result, PTHREAD_CANCELED);
}

TEST_F(AsyncEventApi, KeepsItsQueuePairUntilItIsAcknowledged) {
    raise(IBV_EVENT_COMM_EST, qp);
    ibv_async_event event = take();
    std::atomic<bool> is_destroyed = false;
    std::thread destroyer([&] {
        EXPECT_EQ(ibv_destroy_qp(qp), 0);
        is_destroyed = true;
    });
    EXPECT_TRUE(verbs_test::never([&] { return is_destroyed.load(); }));
    ibv_ack_async_event(&event);
    destroyer.join();
    qp = nullptr;
}

TEST_F(AsyncEventApi, RefusesHandlesThatAreNotOurs) {
    verbs_test::Foreign foreign;
    ibv_async_event event{};
    EXPECT_EQ(ibv_get_async_event(&foreign.context, &event), -1);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_get_async_event(nullptr, &event), -1);
    EXPECT_EQ(ibv_get_async_event(context, nullptr), -1);
    event.event_type = IBV_EVENT_QP_FATAL;
    event.element.qp = &foreign.qp;
    errno = kUntouched;
    ibv_ack_async_event(&event);
    ibv_ack_async_event(nullptr);
    EXPECT_EQ(foreign.qp.events_completed, 0u);
    EXPECT_EQ(errno, kUntouched);
}
