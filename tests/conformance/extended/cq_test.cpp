// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues that are polled in steps: ibv_create_cq_ex(3).
#include "completions.hpp"
#include "extended_pair.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <time.h>

#include <algorithm>

namespace {

using namespace verbs_test;

class SteppedQueue : public DeviceTest {
protected:
    void expect_refused(const ibv_cq_init_attr_ex &asked, int code) {
        ibv_cq_init_attr_ex attr = asked;
        errno = 0;
        const Cq cq(ibv_cq_ex_to_cq(ibv_create_cq_ex(context(), &attr)));
        EXPECT_FALSE(cq);
        EXPECT_EQ(errno, code);
    }
    void send(ExtendedPair &pair, uint64_t id, uint32_t length,
              unsigned flags = IBV_SEND_SIGNALED) {
        ibv_qp_ex *qp = pair.sender();
        ibv_wr_start(qp);
        qp->wr_id = id;
        qp->wr_flags = flags;
        ibv_wr_send(qp);
        ibv_wr_set_sge(qp, pair.lkey(), pair.address(pair.from()), length);
        ASSERT_EQ(ibv_wr_complete(qp), 0);
    }
    // Sends `count` messages whose requests have the numbers from 100 and whose receives from 200.
    void exchange(ExtendedPair &pair, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            pair.post_recv(200 + i, 64);
            send(pair, 100 + i, 8);
        }
    }
};

TEST_F(SteppedQueue, HasNothingAtFirst) {
    ibv_cq_ex *cq = create_cq_ex(context(), kStandardFields);
    const Cq owned(ibv_cq_ex_to_cq(cq));
    ibv_poll_cq_attr attr{};
    EXPECT_EQ(ibv_start_poll(cq, &attr), ENOENT);
    EXPECT_EQ(ibv_start_poll(cq, &attr), ENOENT);
}

TEST_F(SteppedQueue, TellsEachFieldOfAMessage) {
    ExtendedPair pair(context(), {.send_ops = IBV_QP_EX_WITH_SEND_WITH_IMM});
    pair.post_recv(7, 64);
    ibv_qp_ex *qp = pair.sender();
    ibv_wr_start(qp);
    qp->wr_id = 6;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send_imm(qp, htonl(0xcafe0001));
    ibv_wr_set_sge(qp, pair.lkey(), pair.address(pair.from()), 24);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair.sent_one(), 6, IBV_WC_SEND));
    const Seen seen = pair.received_one();
    EXPECT_TRUE(went_well(seen, 7, IBV_WC_RECV));
    EXPECT_EQ(seen.byte_len, 24u);
    EXPECT_EQ(seen.imm, 0xcafe0001u);
    EXPECT_EQ(seen.flags & IBV_WC_WITH_IMM, static_cast<unsigned>(IBV_WC_WITH_IMM));
    EXPECT_EQ(seen.qp_num, pair.there()->qp_num);
}

TEST_F(SteppedQueue, TellsWhoSentADatagram) {
    ExtendedPair pair(context(), {.type = IBV_QPT_UD});
    pair.post_recv(7, 128);
    ibv_qp_ex *qp = pair.sender();
    ibv_wr_start(qp);
    qp->wr_id = 6;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send(qp);
    ibv_wr_set_ud_addr(qp, pair.address_handle(), pair.there()->qp_num, pair.qkey());
    ibv_wr_set_sge(qp, pair.lkey(), pair.address(pair.from()), 24);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair.sent_one(), 6, IBV_WC_SEND));
    const Seen seen = pair.received_one();
    EXPECT_TRUE(went_well(seen, 7, IBV_WC_RECV));
    EXPECT_EQ(seen.src_qp, pair.here()->qp_num);
    EXPECT_EQ(seen.byte_len, 24u + 40u);
    EXPECT_EQ(seen.flags & IBV_WC_GRH, static_cast<unsigned>(IBV_WC_GRH));
}

TEST_F(SteppedQueue, StepsThroughAllInOnePoll) {
    ExtendedPair pair(context());
    exchange(pair, 5);
    EXPECT_EQ(pair.sent(5).size(), 5u);
    ASSERT_TRUE(eventually([&] { return state_of(pair.there()) == IBV_QPS_RTS; }));
    const auto all = pair.received(5);
    for (uint64_t i = 0; i < 5; ++i)
        EXPECT_TRUE(went_well(all[i], 200 + i, IBV_WC_RECV));
    ibv_poll_cq_attr attr{};
    EXPECT_EQ(ibv_start_poll(pair.received(), &attr), ENOENT);
}

TEST_F(SteppedQueue, EndsAPollThatHasSteppedToTheLast) {
    ExtendedPair pair(context());
    exchange(pair, 2);
    EXPECT_EQ(pair.sent(2).size(), 2u);
    ibv_poll_cq_attr attr{};
    ASSERT_TRUE(eventually([&] { return ibv_start_poll(pair.received(), &attr) == 0; }));
    EXPECT_EQ(pair.received()->wr_id, 200u);
    ASSERT_EQ(ibv_next_poll(pair.received()), 0);
    EXPECT_EQ(pair.received()->wr_id, 201u);
    EXPECT_EQ(ibv_next_poll(pair.received()), ENOENT);
    ibv_end_poll(pair.received());
    EXPECT_EQ(ibv_start_poll(pair.received(), &attr), ENOENT);
}

TEST_F(SteppedQueue, KeepsWhatAPollLeftForTheNextOne) {
    ExtendedPair pair(context());
    exchange(pair, 4);
    EXPECT_EQ(pair.sent(4).size(), 4u);
    EXPECT_EQ(pair.received(1).front().id, 200u);
    const auto two = pair.received(2);
    EXPECT_EQ(two[0].id, 201u);
    EXPECT_EQ(two[1].id, 202u);
    EXPECT_EQ(pair.received_one().id, 203u);
}

TEST_F(SteppedQueue, MayBePolledInThePlainWayToo) {
    ExtendedPair pair(context());
    exchange(pair, 3);
    EXPECT_EQ(pair.sent(3).size(), 3u);
    EXPECT_EQ(pair.received_one().id, 200u);
    const ibv_wc wc = collect_one(ibv_cq_ex_to_cq(pair.received()));
    EXPECT_TRUE(succeeded(wc, 201, IBV_WC_RECV));
    EXPECT_EQ(pair.received_one().id, 202u);
}

TEST_F(SteppedQueue, TellsAFailureAndWhatItFlushes) {
    ExtendedPair pair(context());
    send(pair, 1, 8);  // to where nothing may be received, with a key that is none
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_ERR;
    ASSERT_EQ(ibv_modify_qp(pair.there(), &attr, IBV_QP_STATE), 0);
    ASSERT_EQ(ibv_modify_qp(pair.here(), &attr, IBV_QP_STATE), 0);
    const Seen seen = pair.sent_one();
    EXPECT_EQ(seen.id, 1u);
    EXPECT_EQ(seen.status, IBV_WC_WR_FLUSH_ERR);
}

TEST_F(SteppedQueue, RaisesEvents) {
    const Channel channel = create_channel(context());
    {
        ExtendedPair pair(context(), {.channel = channel.get()});
        ibv_cq *cq = ibv_cq_ex_to_cq(pair.received());
        ASSERT_EQ(ibv_req_notify_cq(cq, 0), 0);
        exchange(pair, 1);
        pollfd event{channel->fd, POLLIN, 0};
        ASSERT_EQ(::poll(&event, 1, 20000), 1);
        ibv_cq *raised = nullptr;
        void *mine = nullptr;
        ASSERT_EQ(ibv_get_cq_event(channel.get(), &raised, &mine), 0);
        EXPECT_EQ(raised, cq);
        ibv_ack_cq_events(cq, 1);
        EXPECT_EQ(pair.received_one().id, 200u);
        EXPECT_EQ(pair.sent_one().id, 100u);
    }
}

TEST_F(SteppedQueue, StaysWholeWhenItIsResized) {
    require_feature("resize_cq");
    if (IsSkipped()) return;
    ExtendedPair pair(context());
    exchange(pair, 3);
    EXPECT_EQ(pair.sent(3).size(), 3u);
    EXPECT_EQ(pair.received_one().id, 200u);
    ASSERT_EQ(ibv_resize_cq(ibv_cq_ex_to_cq(pair.received()), 1024), 0);
    EXPECT_EQ(pair.received_one().id, 201u);
    EXPECT_EQ(pair.received_one().id, 202u);
}

TEST_F(SteppedQueue, IsThereForOneThreadAlone) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 16;
    attr.wc_flags = kStandardFields;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
    attr.flags = IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
    const Cq cq(ibv_cq_ex_to_cq(ibv_create_cq_ex(context(), &attr)));
    ASSERT_TRUE(cq) << errno;
    EXPECT_GE(cq->cqe, 16);
}

TEST_F(SteppedQueue, IsRefusedOutOfBounds) {
    ibv_cq_init_attr_ex attr{};
    attr.wc_flags = kStandardFields;
    expect_refused(attr, EINVAL);
    attr.cqe = static_cast<uint32_t>(device_limits(context()).max_cqe) + 1;
    expect_refused(attr, EINVAL);
    attr.cqe = 16;
    attr.comp_vector = static_cast<uint32_t>(context()->num_comp_vectors);
    expect_refused(attr, EINVAL);
}

TEST_F(SteppedQueue, IsRefusedWhenItShouldTellWhatNoDeviceHas) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 16;
    attr.wc_flags = 1u << 31;
    expect_refused(attr, EOPNOTSUPP);
    attr.wc_flags = kStandardFields;
    attr.comp_mask = 1u << 30;
    errno = 0;
    EXPECT_EQ(ibv_create_cq_ex(context(), &attr), nullptr);
    EXPECT_TRUE(errno == EINVAL || errno == EOPNOTSUPP) << errno;
}

class StampedQueue : public SteppedQueue {
protected:
    void SetUp() override {
        SteppedQueue::SetUp();
        if (!IsSkipped()) require_feature("completion timestamps");
    }
    static uint64_t wallclock_ns() {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u +
               static_cast<uint64_t>(now.tv_nsec);
    }
    uint64_t clock_ticks() {
        ibv_values_ex values{};
        values.comp_mask = IBV_VALUES_MASK_RAW_CLOCK;
        EXPECT_EQ(ibv_query_rt_values_ex(context(), &values), 0);
        EXPECT_EQ(values.comp_mask, static_cast<uint32_t>(IBV_VALUES_MASK_RAW_CLOCK));
        return static_cast<uint64_t>(values.raw_clock.tv_sec) * 1'000'000'000u +
               static_cast<uint64_t>(values.raw_clock.tv_nsec);
    }
};

TEST_F(StampedQueue, HasAClockThatTheQueryTellsOf) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    EXPECT_NE(attr.completion_timestamp_mask, 0u);
    EXPECT_NE(attr.hca_core_clock, 0u);
}

TEST_F(StampedQueue, TellsWhenEachMessageWasDone) {
    ExtendedPair pair(context(),
                      {.wc_flags = kStandardFields | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP});
    const uint64_t before = clock_ticks();
    exchange(pair, 3);
    const auto sent = pair.sent(3);
    const auto received = pair.received(3);
    const uint64_t after = clock_ticks();
    for (const auto *all : {&sent, &received}) {
        EXPECT_TRUE(std::is_sorted(all->begin(), all->end(),
                                   [](const Seen &a, const Seen &b) { return a.ticks < b.ticks; }));
        EXPECT_GE(all->front().ticks, before);
        EXPECT_LE(all->back().ticks, after);
    }
}

TEST_F(StampedQueue, TellsWhenItWasDoneAndNotWhenItWasPolled) {
    ExtendedPair pair(context(),
                      {.wc_flags = kStandardFields | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP});
    exchange(pair, 1);
    // Seen at the sender: the message has arrived, and its completion is made.
    EXPECT_EQ(pair.sent_one().id, 100u);
    pair.post_recv(300, 64);
    send(pair, 150, 8);
    EXPECT_EQ(pair.sent_one().id, 150u);
    const uint64_t between = clock_ticks();
    EXPECT_LE(pair.received_one().ticks, between);
}

TEST_F(StampedQueue, TellsTheTimeOfDay) {
    ExtendedPair pair(
        context(), {.wc_flags = kStandardFields | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK});
    const uint64_t before = wallclock_ns();
    exchange(pair, 2);
    const auto sent = pair.sent(2);
    EXPECT_EQ(pair.received(2).size(), 2u);
    const uint64_t after = wallclock_ns();
    for (const Seen &seen : sent) {
        EXPECT_GE(seen.wallclock_ns, before);
        EXPECT_LE(seen.wallclock_ns, after);
    }
}

}  // namespace
