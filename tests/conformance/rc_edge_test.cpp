// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Edges of connections: what follows a failure on both queues of both sides, requests that wait
// for each other, limits of the responder, and requests that should never have been posted.
#include "echo.hpp"
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

constexpr uint32_t kSpoiled = 0x00ffff00;

class RcFailure : public RcTest {
protected:
    [[nodiscard]] static RemotePlace spoiled(RemotePlace place) {
        place.rkey ^= kSpoiled;
        return place;
    }
    static void expect_flushed(const std::vector<ibv_wc> &wcs,
                               std::initializer_list<uint64_t> ids) {
        ASSERT_EQ(wcs.size(), ids.size());
        size_t at = 0;
        for (const uint64_t id : ids) {
            EXPECT_TRUE(ended(wcs[at++], id, IBV_WC_WR_FLUSH_ERR));
        }
    }
};
VERBS_TEST_EVERYWHERE(RcFailure);

TEST_P(RcFailure, InTheMiddleCompletesWhatWasBeforeItAndFlushesTheRestInOrder) {
    connect();
    for (uint64_t id = 10; id < 13; ++id) {
        ASSERT_EQ(here().post_recv(id, {{0, 8}}), 0);
    }
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(there().post_recv(3, {{0, 8}}), 0);
    const RemotePlace place = there().at(100);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}}).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_write(3, {{0, 8}}, spoiled(place)).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_send(4, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_write(5, {{0, 8}}, place).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_read(6, {{0, 8}}, place)), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_REM_ACCESS_ERR)) << "although it is unsignalled";
    expect_flushed(here().sent(3), {4, 5, 6});
    expect_flushed(here().received(3), {10, 11, 12});
    const std::vector<ibv_wc> received = there().received(3);
    EXPECT_TRUE(succeeded(received[0], 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(received[1], 2, IBV_WC_RECV));
    EXPECT_TRUE(ended(received[2], 3, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()) || !is_empty(here().recv_cq()); }));
}

TEST_P(RcFailure, AtTheResponderFlushesItsOwnRequestsInOrder) {
    connect();
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    // Nobody receives them here, so they are outstanding when the failure comes.
    for (uint64_t id = 20; id < 24; ++id) {
        const Sending request = make_send(id, {{0, 8}});
        ASSERT_EQ(there().post_send(id % 2 == 0 ? request : request.unsignaled()), 0);
    }
    ASSERT_EQ(here().post_send(make_read(2, {{0, 8}}, spoiled(there().at(0)))), 0);
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_REM_ACCESS_ERR));
    expect_flushed(there().received(1), {1});
    expect_flushed(there().sent(4), {20, 21, 22, 23});
    EXPECT_EQ(there().state(), IBV_QPS_ERR);
}

TEST_P(RcFailure, OfALocalKindIsNoMatterOfThePeerUntilItSends) {
    SideOptions options;
    options.path.timeout = 12;
    options.path.retry_cnt = 1;
    connect(options);
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8, kSpoiled}})), 0);
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_LOC_PROT_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_EQ(there().state(), IBV_QPS_RTS);
    ASSERT_EQ(there().post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(ended(there().sent(), 3, IBV_WC_RETRY_EXC_ERR));
    expect_flushed(there().received(1), {1});
}

TEST_P(RcFailure, OfAReceiveIntoARegionOfAnotherDomainIsToldToBoth) {
    connect();
    const Pd other = alloc_pd(context());
    const Region region(other.get(), 4096);
    ibv_sge sge = region.sge(0, 100);
    ibv_recv_wr wr{};
    wr.wr_id = 1;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(here().qp(), &wr, &bad), 0);
    there().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_send(make_send(2, {{0, 100}})), 0);
    EXPECT_TRUE(ended(here().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(there().sent(), 2, IBV_WC_REM_OP_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
    EXPECT_TRUE(std::ranges::all_of(region.bytes(), [](uint8_t byte) { return byte == 0; }));
}

TEST_P(RcFailure, OfAReceiveIntoARegionThatIsGoneIsToldToBoth) {
    connect();
    Region region(here().pd(), 4096);
    ibv_sge sge = region.sge(0, 100);
    ibv_recv_wr wr{};
    wr.wr_id = 1;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(here().qp(), &wr, &bad), 0);
    ASSERT_EQ(region.mr().close(), 0);
    there().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_send(make_send(2, {{0, 100}})), 0);
    EXPECT_TRUE(ended(here().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(there().sent(), 2, IBV_WC_REM_OP_ERR));
    EXPECT_TRUE(std::ranges::all_of(region.bytes(), [](uint8_t byte) { return byte == 0; }));
}

// A sender that gives a message up may use its memory again: it comes as it was posted or not at
// all, and the receiver has done nothing wrong.
TEST_P(RcFailure, OfTheSenderNeverMakesAMessageOfWhatItsMemoryHoldsLater) {
    constexpr uint32_t kLength = 40000;
    connect();
    for (const ibv_qp_state state : {IBV_QPS_ERR, IBV_QPS_RESET}) {
        there().store(0, pattern(1, kLength));
        ASSERT_EQ(there().post_send(make_send(1, {{0, kLength}})), 0);
        ASSERT_EQ(there().change_state(state), 0);
        if (state == IBV_QPS_ERR) {
            EXPECT_TRUE(ended(there().sent(), 1, IBV_WC_WR_FLUSH_ERR));
        }
        there().store(0, pattern(2, kLength));
        ASSERT_EQ(here().post_recv(2, {{0, kLength}}), 0);
        ibv_wc wc{};
        if (!never([&] { return ibv_poll_cq(here().recv_cq(), 1, &wc) != 0; })) {
            EXPECT_TRUE(succeeded(wc, 2, IBV_WC_RECV)) << state;
            EXPECT_EQ(here().load(0, kLength), pattern(1, kLength)) << state;
        }
        EXPECT_EQ(here().state(), IBV_QPS_RTS);
        ASSERT_EQ(there().change_state(IBV_QPS_RESET), 0);
        ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
        join(here(), there());
    }
}

// The failure comes while the peer's half of the connection is being made.
TEST_P(RcFailure, RightAfterConnectingIsHeardOfByThePeerEachTime) {
    SideOptions options;
    options.path.timeout = 8;
    options.path.retry_cnt = 1;
    connect(options);
    for (int round = 0; round < iterations(100); ++round) {
        join(here(), there());
        ASSERT_EQ(here().post_send(make_send(1, {{0, 8, kSpoiled}})), 0);
        ASSERT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
        ASSERT_EQ(there().post_send(make_send(2, {{0, 8}})), 0);
        ASSERT_TRUE(ended(there().sent(), 2, IBV_WC_RETRY_EXC_ERR)) << "round " << round;
    }
}

// IBTA volume 1, 9.7.4.1.2: a READ for which the responder has no resources is an invalid request.
TEST_P(RcFailure, IsTheEndOfAReadFromAResponderThatServesNone) {
    SideOptions none;
    none.path.rd_atomic = 0;
    connect({}, none);
    there().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_read(2, {{0, 100}}, there().at(0))), 0);
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_REM_INV_REQ_ERR));
    expect_flushed(there().received(1), {1});
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
    EXPECT_EQ(here().load(0, 100), std::vector<uint8_t>(100));
}

// IBTA volume 1, 10.7.2.2: who may have no READ or atomic under way cannot process one.
TEST_P(RcFailure, OfAReadByARequesterThatMayHaveNoneIsItsOwn) {
    SideOptions none;
    none.path.rd_atomic = 0;
    connect(none, {});
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_read(3, {{0, 8}}, there().at(0))), 0);
    ASSERT_EQ(here().post_send(make_send(4, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_LOC_QP_OP_ERR));
    expect_flushed(here().sent(1), {4});
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_EQ(there().state(), IBV_QPS_RTS);
}

TEST_P(RcFailure, IsNotTheEndOfAWriteToAResponderThatServesNoReads) {
    SideOptions none;
    none.path.rd_atomic = 0;
    connect({}, none);
    here().store(0, pattern(1, 100));
    ASSERT_EQ(here().post_send(make_write(2, {{0, 100}}, there().at(0))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(0, 100), pattern(1, 100));
}

TEST_P(RcFailure, ComesToWhoWritesAfterTheRightWasTakenFromTheQueuePair) {
    connect();
    ASSERT_EQ(there().post_send(make_write(1, {{0, 8}}, here().at(0))), 0);
    ASSERT_TRUE(succeeded(there().sent(), 1, IBV_WC_RDMA_WRITE));
    Step fewer;
    fewer.attr.qp_access_flags = IBV_ACCESS_REMOTE_READ;
    fewer.mask = IBV_QP_ACCESS_FLAGS;
    ASSERT_EQ(fewer.apply(here().qp()), 0);
    ASSERT_EQ(there().post_send(make_read(2, {{0, 8}}, here().at(0))), 0);
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_RDMA_READ));
    ASSERT_EQ(there().post_send(make_write(3, {{0, 8}}, here().at(0))), 0);
    const ibv_wc wc = there().sent();
    EXPECT_EQ(wc.wr_id, 3u);
    EXPECT_TRUE(wc.status == IBV_WC_REM_INV_REQ_ERR || wc.status == IBV_WC_REM_ACCESS_ERR)
        << ibv_wc_status_str(wc.status);
}

// A sum of lengths above what a message may have, in memory that need not exist to be refused.
TEST_P(RcFailure, IsTheEndOfAMessageLongerThanThePortTakes) {
    connect();
    const uint64_t most = port_attributes(context()).max_msg_sz;
    std::array<ibv_sge, 3> sges{};
    for (ibv_sge &sge : sges) {
        sge = here().region().sge(0, static_cast<uint32_t>(most / 2 + 1));
    }
    ibv_send_wr wr{};
    wr.wr_id = 1;
    wr.sg_list = sges.data();
    wr.num_sge = 3;
    wr.opcode = IBV_WR_SEND;
    ibv_send_wr *bad = nullptr;
    const int error = ibv_post_send(here().qp(), &wr, &bad);
    if (error != 0) {
        // Devices differ in which number they give; that it comes at once is the better answer.
        EXPECT_TRUE(error == EMSGSIZE || error == EINVAL) << error;
        EXPECT_EQ(bad, &wr);
    } else {
        EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_LEN_ERR));
    }
    EXPECT_EQ(there().state(), IBV_QPS_RTS);
}

class RcEvents : public DeviceTest {
protected:
    // What the responder hears of a request that its queue pair does not take.
    void expect_event(const SideOptions &victims, ibv_event_type type, bool spoils_key) {
        make_nonblocking(context()->async_fd);
        const Context second = open_device();
        LocalSide offender(second.get());
        LocalSide victim(context(), victims);
        join(offender, victim);
        RemotePlace place = victim.memory();
        if (spoils_key) place.rkey ^= kSpoiled;
        ASSERT_EQ(offender.post_send(make_read(1, {{0, 8}}, place)), 0);
        ASSERT_NE(offender.sent().status, IBV_WC_SUCCESS);
        ibv_async_event event{};
        ASSERT_TRUE(wait_readable(context()->async_fd));
        ASSERT_EQ(ibv_get_async_event(context(), &event), 0);
        EXPECT_EQ(event.event_type, type) << ibv_event_type_str(event.event_type);
        EXPECT_EQ(event.element.qp, victim.qp());
        ibv_ack_async_event(&event);
        EXPECT_EQ(victim.state(), IBV_QPS_ERR);
    }
};

TEST_F(RcEvents, TellTheResponderOfAKeyThatIsNotHis) {
    expect_event({}, IBV_EVENT_QP_ACCESS_ERR, true);
}

TEST_F(RcEvents, TellTheResponderOfARequestThatHisQueuePairDoesNotTake) {
    SideOptions none;
    none.path.rd_atomic = 0;
    expect_event(none, IBV_EVENT_QP_REQ_ERR, false);
}

class RcWaiting : public RcTest {};
VERBS_TEST_EVERYWHERE(RcWaiting);

// The responses come in order, so what overlaps is the last one's.
TEST_P(RcWaiting, ReadsThatOverlapEndAsIfOneByOne) {
    for (const uint32_t size : {64u, 9000u, 200000u}) {
        SideOptions options;
        options.memory = 1 << 20;
        options.path.rd_atomic = 2;
        connect(options);
        there().store(0, pattern(size, 600000));
        const uint32_t step = size / 4;
        for (uint32_t i = 0; i < 8; ++i) {
            // Sources overlap, and targets do.
            ASSERT_EQ(here().post_send(make_read(i, {{i * step, size}}, there().at(i * step / 2))),
                      0);
        }
        const std::vector<ibv_wc> wcs = here().sent(8);
        for (uint32_t i = 0; i < 8; ++i) {
            EXPECT_TRUE(succeeded(wcs[i], i, IBV_WC_RDMA_READ));
        }
        for (uint32_t i = 0; i < 8; ++i) {
            const uint32_t length = i == 7 ? size : step;
            EXPECT_TRUE(here().load(i * step, length) == there().load(i * step / 2, length))
                << "read " << i << " of " << size;
        }
    }
}

TEST_P(RcWaiting, FencedWritesCarryWhatTheReadBeforeThemBrought) {
    SideOptions options;
    options.memory = 1 << 20;
    connect(options);
    for (uint32_t round = 0; round < static_cast<uint32_t>(iterations(20)); ++round) {
        there().store(0, pattern(round, 200000));
        ASSERT_EQ(here().post_send(make_read(1, {{0, 200000}}, there().at(0)).unsignaled()), 0);
        ASSERT_EQ(
            here().post_send(make_write(2, {{0, 200000}}, there().at(300000)).with(IBV_SEND_FENCE)),
            0);
        ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_WRITE));
        ASSERT_TRUE(there().load(300000, 200000) == pattern(round, 200000)) << "round " << round;
    }
}

TEST_P(RcWaiting, FenceWithoutAReadBeforeItMeansNothing) {
    connect();
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}}).with(IBV_SEND_FENCE)), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

class RcPosting : public RcTest {};
VERBS_TEST_EVERYWHERE(RcPosting);

// What is refused is not posted: no completion of it appears in the life that follows.
TEST_P(RcPosting, InAWrongStateIsRefusedAtTheFirstRequestAndLeavesNothingBehind) {
    make_sides(GetParam(), {}, {});
    const auto refuse_sends = [&](const char *state) {
        std::array<ibv_send_wr, 2> wrs{};
        wrs[0].wr_id = 77;
        wrs[0].send_flags = IBV_SEND_SIGNALED;
        wrs[0].opcode = IBV_WR_SEND;
        wrs[0].next = &wrs[1];
        wrs[1] = wrs[0];
        wrs[1].next = nullptr;
        ibv_send_wr *bad = nullptr;
        EXPECT_EQ(ibv_post_send(here().qp(), wrs.data(), &bad), EINVAL) << state;
        EXPECT_EQ(bad, wrs.data()) << state;
    };
    std::array<ibv_recv_wr, 2> receives{};
    receives[0].wr_id = 78;
    receives[0].next = &receives[1];
    ibv_recv_wr *bad_receive = nullptr;
    EXPECT_EQ(ibv_post_recv(here().qp(), receives.data(), &bad_receive), EINVAL);
    EXPECT_EQ(bad_receive, receives.data());
    refuse_sends("RESET");
    ASSERT_EQ(rc_init().apply(here().qp()), 0);
    refuse_sends("INIT");
    ASSERT_EQ(rc_rtr(context(), there().address()).apply(here().qp()), 0);
    refuse_sends("RTR");
    ASSERT_EQ(rc_rts(context()).apply(here().qp()), 0);
    there().connect(here().address());
    ASSERT_EQ(there().post_recv(1, {}), 0);
    ASSERT_EQ(here().post_recv(2, {}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {})), 0);
    ASSERT_EQ(there().post_send(make_send(4, {})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(is_empty(here().send_cq()));
    EXPECT_TRUE(is_empty(here().recv_cq()));
}

// Devices that know what is done only by signalled completions stay full for ever with a program
// that never signals; whoever ports to them notices it here as ENOMEM at the right request. What
// the software device does beyond that: it gives the room back once the requests are done.
TEST_P(RcPosting, OfUnsignaledRequestsFillsTheQueueUntilTheyAreDone) {
    SideOptions options;
    options.cap.max_send_wr = 8;
    connect(options);
    const uint32_t most = here().cap().max_send_wr;
    for (uint32_t i = 0; i < most; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {}).unsignaled()), 0) << i;
    }
    EXPECT_EQ(here().post_send(make_send(1000, {}).unsignaled()), ENOMEM);
    for (uint32_t i = 0; i < most + 1; ++i) {
        ASSERT_EQ(there().post_recv(i, {}), 0);
    }
    EXPECT_EQ(there().received(most).size(), most);
    // Nothing is signalled: polling finds nothing, and yet it is how a program makes progress.
    EXPECT_TRUE(eventually([&] {
        EXPECT_TRUE(is_empty(here().send_cq()));
        return here().post_send(make_send(1001, {})) == 0;
    }));
    EXPECT_TRUE(succeeded(here().sent(), 1001, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().received(), most, IBV_WC_RECV));
}

}  // namespace
