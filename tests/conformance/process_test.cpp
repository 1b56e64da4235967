// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Two processes on their own: ping-pong by polling and by sleeping, and peers that leave or die.
#include "echo.hpp"
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

struct Game {
    const char *name;
    PingPong play;
};
std::ostream &operator<<(std::ostream &out, const Game &game) {
    return out << game.name;
}

class PingPongOfProcesses : public DeviceTest, public ::testing::WithParamInterface<Game> {};

TEST_P(PingPongOfProcesses, BringsEveryMessage) {
    PingPong game = GetParam().play;
    game.rounds = iterations(game.rounds);
    PeerProcess peer("echo");
    peer.exchange().send_value(game);
    try {
        play_ping_pong(context(), peer.exchange(), game, true);
    } catch (const std::exception &problem) {
        ADD_FAILURE() << problem.what();
    }
    EXPECT_TRUE(peer.ends_well());
}

INSTANTIATE_TEST_SUITE_P(Processes, PingPongOfProcesses,
                         ::testing::Values(Game{"RcPolling", {IBV_QPT_RC, 0, 2000, 64}},
                                           Game{"RcPollingLarge", {IBV_QPT_RC, 0, 50, 300000}},
                                           Game{"RcSleeping", {IBV_QPT_RC, 1, 500, 64}},
                                           Game{"RcSleepingLarge", {IBV_QPT_RC, 1, 50, 300000}},
                                           Game{"UdPolling", {IBV_QPT_UD, 0, 2000, 64}},
                                           Game{"UdPollingLarge", {IBV_QPT_UD, 0, 500, 1024}},
                                           Game{"UdSleeping", {IBV_QPT_UD, 1, 500, 64}}),
                         [](const auto &test) { return std::string(test.param.name); });

// Somebody who asks for short patience: 4.096 us * 2^14, three more tries.
SideOptions impatient() {
    SideOptions options;
    options.path.timeout = 14;
    options.path.retry_cnt = 3;
    return options;
}
constexpr Milliseconds kTimeout = 67ms;

class PeerThatLeaves : public DeviceTest {
protected:
    // Our side loses its peer: the request ends with an error, and what is posted comes back.
    static void expect_loss(LocalSide &here) {
        const ibv_wc wc = here.sent();
        EXPECT_TRUE(ended(wc, 1, IBV_WC_RETRY_EXC_ERR));
        const std::vector<ibv_wc> flushed = here.received(5);
        for (uint64_t i = 0; i < 5; ++i) {
            EXPECT_TRUE(ended(flushed[i], 100 + i, IBV_WC_WR_FLUSH_ERR));
        }
        EXPECT_EQ(here.state(), IBV_QPS_ERR);
    }
    static void post_receives(LocalSide &here) {
        for (uint64_t i = 0; i < 5; ++i) {
            ASSERT_EQ(here.post_recv(100 + i, {{0, 64}}), 0);
        }
    }
};

TEST_F(PeerThatLeaves, IsNoticedByTheNextSend) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    post_receives(here);
    EXPECT_TRUE(there.leave());
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    expect_loss(here);
}

TEST_F(PeerThatLeaves, IsNoticedByTheNextWrite) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    const RemotePlace place = there.at(0);
    post_receives(here);
    EXPECT_TRUE(there.leave());
    ASSERT_EQ(here.post_send(make_write(1, {{0, 8}}, place)), 0);
    expect_loss(here);
}

TEST_F(PeerThatLeaves, IsNoticedByTheNextRead) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    const RemotePlace place = there.at(0);
    post_receives(here);
    EXPECT_TRUE(there.leave());
    ASSERT_EQ(here.post_send(make_read(1, {{0, 8}}, place)), 0);
    expect_loss(here);
}

TEST_F(PeerThatLeaves, IsNoticedByASendThatWaitsForItsReceive) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    post_receives(here);
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(there.leave());
    expect_loss(here);
}

TEST_F(PeerThatLeaves, ByResettingItsQueuePairIsNoticedToo) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    post_receives(here);
    ASSERT_EQ(there.change_state(IBV_QPS_RESET), 0);
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    expect_loss(here);
}

TEST_F(PeerThatLeaves, HasGotEverythingThatWasAcknowledged) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    here.store(0, pattern(1, 1000));
    ASSERT_EQ(there.post_recv(1, {{0, 1000}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 1000}})), 0);
    ASSERT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    ASSERT_EQ(here.change_state(IBV_QPS_ERR), 0);
    EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    EXPECT_EQ(there.load(0, 1000), pattern(1, 1000));
}

class PeerThatDies : public PeerThatLeaves, public ::testing::WithParamInterface<uint32_t> {};

TEST_P(PeerThatDies, InTheMiddleOfTrafficIsNoticedInTime) {
    const uint32_t size = GetParam();
    SideOptions options = impatient();
    options.memory = 1 << 21;
    LocalSide here(context(), options);
    RemoteSide there(options);
    join(here, there);
    const RemotePlace place = there.at(0);
    post_receives(here);
    // Keep the queue filled, so that the process dies with requests under way.
    uint64_t posted = 0;
    uint64_t completed = 0;
    ibv_wc bad{};
    bool is_over = false;
    const auto pump = [&] {
        ibv_wc wc{};
        while (!is_over && ibv_poll_cq(here.send_cq(), 1, &wc) == 1) {
            ++completed;
            if (wc.status != IBV_WC_SUCCESS) {
                bad = wc;
                is_over = true;
            }
        }
        while (!is_over && posted - completed < 16) {
            ASSERT_EQ(here.post_send(make_write(posted, {{0, size}}, place)), 0);
            ++posted;
        }
    };
    ASSERT_TRUE(eventually([&] {
        pump();
        return completed >= 50;
    }));
    there.kill();
    ASSERT_TRUE(eventually([&] {
        pump();
        return is_over || HasFatalFailure();
    })) << "no error after "
        << completed << " of " << posted << " requests";
    // With nothing under way at the moment of death there is no request to blame: all is flushed.
    EXPECT_TRUE(bad.status == IBV_WC_RETRY_EXC_ERR || bad.status == IBV_WC_WR_FLUSH_ERR)
        << ibv_wc_status_str(bad.status);
    for (const ibv_wc &wc : here.sent(posted - completed)) {
        EXPECT_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
    }
    for (const ibv_wc &wc : here.received(5)) {
        EXPECT_EQ(wc.status, IBV_WC_WR_FLUSH_ERR);
    }
    EXPECT_EQ(here.state(), IBV_QPS_ERR);
}

INSTANTIATE_TEST_SUITE_P(Processes, PeerThatDies, ::testing::Values(8, 4096, 1 << 20));

// What tells that a process died must not be kept alive by a child that inherited it.
TEST_F(PeerThatLeaves, KilledIsNoticedEvenThoughAChildOfItLivesOn) {
    LocalSide here(context(), impatient());
    RemoteSide there(impatient());
    join(here, there);
    post_receives(here);
    const RemotePlace place = there.at(0);
    there.fork_a_child();
    there.kill();
    ASSERT_EQ(here.post_send(make_write(1, {{0, 8}}, place)), 0);
    expect_loss(here);
}

TEST_F(PeerThatLeaves, KilledWhileWeOnlyWaitDoesNotDisturbTheNextPeer) {
    LocalSide here(context(), impatient());
    {
        RemoteSide there(impatient());
        join(here, there);
        there.kill();
    }
    RemoteSide next(impatient());
    join(here, next);
    here.store(0, pattern(2, 500));
    ASSERT_EQ(next.post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 500}})), 0);
    EXPECT_TRUE(succeeded(next.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    EXPECT_EQ(next.load(0, 500), pattern(2, 500));
}

TEST_F(PeerThatLeaves, OfDatagramsIsNotNoticed) {
    SideOptions options;
    options.type = IBV_QPT_UD;
    LocalSide here(context(), options);
    RemoteSide there(options);
    join(here, there);
    const QpAddress address = there.address();
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}}).to(address, 0x11111111)), 0);
    ASSERT_TRUE(succeeded(here.sent(), 1, IBV_WC_SEND));
    there.kill();
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_EQ(here.post_send(make_send(i, {{0, 8}}).to(address, 0x11111111)), 0);
        EXPECT_TRUE(succeeded(here.sent(), i, IBV_WC_SEND));
    }
}

class PeerThatNeverWas : public DeviceTest {};

TEST_F(PeerThatNeverWas, CostsTheTimeThatWasAskedForAndThenAnError) {
    LocalSide here(context(), impatient());
    QpAddress nobody = here.address();
    nobody.qp_num ^= 0x800000;
    here.connect(nobody);
    const auto start = Clock::now();
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here.sent(), 1, IBV_WC_RETRY_EXC_ERR));
    EXPECT_GE(Clock::now() - start, kTimeout) << "it did not wait for an answer";
    EXPECT_EQ(here.state(), IBV_QPS_ERR);
}

TEST_F(PeerThatNeverWas, DoesNotSpoilTheQueuePairForARealOne) {
    LocalSide here(context(), impatient());
    LocalSide there(context());
    QpAddress nobody = here.address();
    nobody.qp_num ^= 0x800000;
    here.connect(nobody);
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_TRUE(ended(here.sent(), 1, IBV_WC_RETRY_EXC_ERR));
    join(here, there);
    ASSERT_EQ(there.post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(here.post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there.received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 3, IBV_WC_SEND));
}

TEST_F(PeerThatNeverWas, MayStillComeWhileWeTry) {
    SideOptions patient;
    patient.path.retry_cnt = 7;
    LocalSide here(context(), patient);
    RemoteSide there(patient);
    here.connect(there.address());
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here.send_cq()); }));
    there.connect(here.address());
    ASSERT_EQ(there.post_recv(2, {{0, 8}}), 0);
    EXPECT_TRUE(succeeded(there.received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 1, IBV_WC_SEND));
}

}  // namespace
