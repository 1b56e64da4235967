// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The end of objects: what is in use stays and goes on working, what goes leaves nothing behind,
// and a completion queue that ran over has lost no more than what found no room.
#include "echo.hpp"
#include "side.hpp"

#include <algorithm>
#include <atomic>
#include <span>
#include <thread>

namespace {

using namespace verbs_test;

class Busy : public DeviceTest {};

TEST_F(Busy, ObjectsThatWereRefusedToGoWorkAsBefore) {
    const Channel channel = create_channel(context());
    make_nonblocking(channel->fd);
    LocalSide here(context());
    LocalSide there(context(), {}, channel.get());
    join(here, there);
    ibv_ah_attr route = route_to(context(), here.address().gid);
    const Ah ah(ibv_create_ah(here.pd(), &route));
    ASSERT_TRUE(ah);
    for (uint32_t round = 0; round < 3; ++round) {
        for (LocalSide *side : {&here, &there}) {
            EXPECT_EQ(ibv_dealloc_pd(side->pd()), EBUSY);
            EXPECT_EQ(ibv_destroy_cq(side->send_cq()), EBUSY);
            EXPECT_EQ(ibv_destroy_cq(side->recv_cq()), EBUSY);
        }
        EXPECT_EQ(ibv_destroy_comp_channel(channel.get()), EBUSY);
        ASSERT_EQ(ibv_req_notify_cq(there.recv_cq(), 0), 0);
        here.store(0, pattern(round, 5000));
        ASSERT_EQ(there.post_recv(1, {{0, 5000}}), 0);
        ASSERT_EQ(here.post_send(make_send(2, {{0, 5000}})), 0);
        ASSERT_TRUE(wait_readable(channel->fd));
        ibv_cq *cq = nullptr;
        void *cq_context = nullptr;
        ASSERT_EQ(ibv_get_cq_event(channel.get(), &cq, &cq_context), 0);
        EXPECT_EQ(cq, there.recv_cq());
        ibv_ack_cq_events(cq, 1);
        EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
        EXPECT_EQ(there.load(0, 5000), pattern(round, 5000));
    }
}

TEST_F(Busy, DomainIsFreeOnceTheLastOfItsObjectsIsGone) {
    Pd pd = alloc_pd(context());
    const Cq cq = create_cq(context());
    ibv_qp_init_attr init{};
    init.send_cq = init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_UD;
    init.cap = {1, 1, 1, 1, 0};
    Qp qp(ibv_create_qp(pd.get(), &init));
    ASSERT_TRUE(qp);
    auto region = std::make_unique<Region>(pd.get(), 4096);
    ibv_ah_attr route = route_to(context(), gid_at(context(), gid_index(context())));
    Ah ah(ibv_create_ah(pd.get(), &route));
    ASSERT_TRUE(ah);
    EXPECT_EQ(pd.close(), EBUSY);
    ASSERT_EQ(qp.close(), 0);
    EXPECT_EQ(pd.close(), EBUSY);
    region.reset();
    EXPECT_EQ(pd.close(), EBUSY);
    ASSERT_EQ(ah.close(), 0);
    EXPECT_EQ(pd.close(), 0);
}

// Two queue pairs of one side share completion queues, so that the queues outlive one of them.
class Leftovers : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        here_ = std::make_unique<LocalSide>(context());
        there_ = std::make_unique<LocalSide>(context());
        join(*here_, *there_);
        ibv_qp_init_attr init{};
        init.send_cq = here_->send_cq();
        init.recv_cq = here_->recv_cq();
        init.qp_type = IBV_QPT_RC;
        init.cap = {16, 16, 1, 1, 0};
        second_ = Qp(ibv_create_qp(here_->pd(), &init));
        ASSERT_TRUE(second_);
        must_connect_rc(second_.get(), address_of(second_.get()));  // to itself
    }
    void post_on_second(uint64_t id) {
        ibv_recv_wr receive{};
        receive.wr_id = id;
        ibv_recv_wr *bad_receive = nullptr;
        ASSERT_EQ(ibv_post_recv(second_.get(), &receive, &bad_receive), 0);
        ibv_send_wr send{};
        send.wr_id = id;
        send.opcode = IBV_WR_SEND;
        send.send_flags = IBV_SEND_SIGNALED;
        ibv_send_wr *bad_send = nullptr;
        ASSERT_EQ(ibv_post_send(second_.get(), &send, &bad_send), 0);
    }
    LocalSide &here() { return *here_; }
    LocalSide &there() { return *there_; }
    Qp &second() { return second_; }

private:
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> there_;
    Qp second_;
};

TEST_F(Leftovers, OfADestroyedQueuePairDoNotAppearInItsQueues) {
    for (uint64_t id = 0; id < 5; ++id) {
        ASSERT_EQ(here().post_recv(id, {{0, 64}}), 0);
        ASSERT_EQ(here().post_send(make_send(id, {{0, 64}})), 0);  // for which nobody is ready
    }
    ASSERT_NO_FATAL_FAILURE(post_on_second(50));
    ASSERT_EQ(here().owned_qp().close(), 0);
    EXPECT_TRUE(ended(here().sent(), 50, IBV_WC_SUCCESS));
    EXPECT_TRUE(ended(here().received(), 50, IBV_WC_SUCCESS));
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()) || !is_empty(here().recv_cq()); }));
}

TEST_F(Leftovers, OfADestroyedQueuePairThatWereNotPolledAreGoneAndTheOthersStayInOrder) {
    const uint32_t number = here().qp()->qp_num;
    for (uint64_t id = 0; id < 3; ++id) {
        ASSERT_EQ(here().post_recv(id, {{0, 64}}), 0);
    }
    ASSERT_NO_FATAL_FAILURE(post_on_second(50));
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);  // completions of the first in between
    ASSERT_NO_FATAL_FAILURE(post_on_second(51));
    ASSERT_EQ(here().owned_qp().close(), 0);
    for (const uint64_t id : {50u, 51u}) {
        const ibv_wc wc = here().received();
        EXPECT_TRUE(ended(wc, id, IBV_WC_SUCCESS));
        EXPECT_NE(wc.qp_num, number);
    }
    EXPECT_TRUE(never([&] { return !is_empty(here().recv_cq()); }));
}

TEST_F(Leftovers, OfAQueuePairThatIsResetAreGoneToo) {
    ASSERT_EQ(there().post_recv(1, {{0, 64}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 64}})), 0);
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    ASSERT_EQ(here().post_send(make_send(3, {{0, 64}})), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
}

// Its peer floods it, another thread polls its queues, and then it goes.
TEST_F(Leftovers, OfAQueuePairDestroyedInTheMiddleOfTrafficDoNotAppear) {
    const SideOptions impatient = [] {
        SideOptions options;
        options.path.timeout = 8;
        options.path.retry_cnt = 0;
        return options;
    }();
    for (int round = 0; round < iterations(20); ++round) {
        const Cq cq = create_cq(context(), 4096);
        LocalSide sender(context(), impatient);
        ibv_qp_init_attr init{};
        init.send_cq = init.recv_cq = cq.get();
        init.qp_type = IBV_QPT_RC;
        init.cap = {1, 64, 1, 1, 0};
        Qp victim(ibv_create_qp(here().pd(), &init));
        ASSERT_TRUE(victim);
        const uint32_t number = victim->qp_num;
        must_connect_rc(victim.get(), sender.address(), impatient.path);
        sender.connect(address_of(victim.get()));
        for (uint64_t id = 0; id < 64; ++id) {
            ibv_recv_wr receive{};
            ibv_recv_wr *bad = nullptr;
            ASSERT_EQ(ibv_post_recv(victim.get(), &receive, &bad), 0);
        }
        std::atomic<bool> is_destroyed{false};
        std::atomic<bool> is_over{false};
        std::atomic<int> taken{0};
        std::atomic<int> strays{0};
        std::thread poller([&] {
            while (!is_over) {
                const bool was_destroyed = is_destroyed;
                ibv_wc wc{};
                if (ibv_poll_cq(cq.get(), 1, &wc) != 1) continue;
                ++taken;
                if (was_destroyed && wc.qp_num == number) ++strays;
            }
        });
        for (uint64_t id = 0; id < 32; ++id) {
            EXPECT_EQ(sender.post_send(make_send(id, {{0, 8}})), 0);
        }
        EXPECT_TRUE(eventually([&] { return taken > round % 16; }));
        EXPECT_EQ(victim.close(), 0);
        is_destroyed = true;
        // The sender comes to an end: done, or after its retries.
        EXPECT_EQ(sender.sent(32).size(), 32u);
        is_over = true;
        poller.join();
        EXPECT_EQ(strays, 0) << "round " << round;
    }
}

// What fitted is whole and in order; what came later is lost, and one event says so. The software
// device goes on with such a queue: what completes once there is room again can be polled.
class Overrun : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        make_nonblocking(context()->async_fd);
        SideOptions options;
        options.cqe = 4;
        options.cap.max_recv_wr = 256;
        side_ = std::make_unique<LocalSide>(context(), options);
        join(*side_, *side_);
        for (uint64_t id = 0; id < 256; ++id) {
            ASSERT_EQ(side_->post_recv(id, {}), 0);
        }
        ASSERT_LT(side_->recv_cq()->cqe, 256) << "more than can be filled here";
        ASSERT_EQ(side_->change_state(IBV_QPS_ERR), 0);
    }
    LocalSide &side() { return *side_; }

private:
    std::unique_ptr<LocalSide> side_;
};

TEST_F(Overrun, KeepsWhatFittedInOrder) {
    const auto fitted = static_cast<uint64_t>(side().recv_cq()->cqe);
    for (uint64_t id = 0; id < fitted; ++id) {
        EXPECT_TRUE(ended(side().received(), id, IBV_WC_WR_FLUSH_ERR));
    }
    EXPECT_TRUE(never([&] { return !is_empty(side().recv_cq()); }));
}

TEST_F(Overrun, IsToldOnce) {
    ASSERT_TRUE(wait_readable(context()->async_fd));
    ibv_async_event event{};
    ASSERT_EQ(ibv_get_async_event(context(), &event), 0);
    EXPECT_EQ(event.event_type, IBV_EVENT_CQ_ERR);
    EXPECT_EQ(event.element.cq, side().recv_cq());
    ibv_ack_async_event(&event);
    EXPECT_FALSE(wait_readable(context()->async_fd, kQuiet));
}

class OverrunOfOwnQueue : public DeviceTest {};

TEST_F(OverrunOfOwnQueue, HoldsItUntilTheEventIsAcknowledged) {
    const Pd pd = alloc_pd(context());
    const Cq send_cq = create_cq(context());
    Cq cq = create_cq(context(), 1);
    ibv_qp_init_attr init{};
    init.send_cq = send_cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {1, 256, 1, 1, 0};
    Qp qp(ibv_create_qp(pd.get(), &init));
    ASSERT_TRUE(qp);
    must_connect_rc(qp.get(), address_of(qp.get()));
    for (int i = 0; i < 256; ++i) {
        ibv_recv_wr receive{};
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(qp.get(), &receive, &bad), 0);
    }
    ASSERT_EQ(to_state(IBV_QPS_ERR).apply(qp.get()), 0);
    ibv_async_event event{};
    ASSERT_TRUE(wait_readable(context()->async_fd));
    ASSERT_EQ(ibv_get_async_event(context(), &event), 0);
    ASSERT_EQ(event.event_type, IBV_EVENT_CQ_ERR);
    ASSERT_EQ(event.element.cq, cq.get());
    ASSERT_EQ(qp.close(), 0);
    std::atomic<int> result{-1};
    std::thread destroyer([&, raw = cq.release()] { result = ibv_destroy_cq(raw); });
    EXPECT_TRUE(never([&] { return result != -1; }));
    ibv_ack_async_event(&event);
    destroyer.join();
    EXPECT_EQ(result, 0);
}

// Peers copy without asking us. The usual end, queue pair first and its region after, leaves no
// copy behind that goes on in memory which the program uses for something else now.
class LastWrite : public DeviceTest {};

TEST_F(LastWrite, OfAPeerIsOverWhenQueuePairAndRegionAreGone) {
    constexpr uint32_t kBytes = 256 << 20;
    SideOptions options;
    options.memory = kBytes;
    RemoteSide writer(options);  // its region is all zero
    LocalSide owner(context());
    join(writer, owner);
    const Pages pages(kBytes);
    std::ranges::fill(std::span(pages.data(), kBytes), uint8_t{0x5a});
    Mr mr = reg_mr(owner.pd(), pages.data(), kBytes);
    const RemotePlace place{reinterpret_cast<uint64_t>(pages.data()), mr->rkey};
    std::thread thread([&] {
        EXPECT_EQ(writer.post_send(make_write(1, {{0, kBytes}}, place)), 0);
    });
    const volatile uint8_t *first = pages.data();
    // Without giving the processor away: the write must not be over when we come back.
    const Deadline deadline;
    while (*first != 0 && !deadline.passed()) {
    }
    EXPECT_EQ(*first, 0) << "the write has not begun";
    EXPECT_EQ(owner.owned_qp().close(), 0);
    EXPECT_EQ(mr.close(), 0);
    // The end of the memory, where a copy that goes on arrives last.
    const std::span<uint8_t> end(pages.data() + kBytes - 4096, 4096);
    std::ranges::fill(end, uint8_t{0x77});
    thread.join();
    EXPECT_TRUE(std::ranges::all_of(end, [](uint8_t byte) { return byte == 0x77; }));
}

}  // namespace
