// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// fork in a program that uses verbs: the child exists, does something else and goes, and neither
// its life nor its end is felt on the parent's connections.
#include "echo.hpp"
#include "rc_test.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

using namespace verbs_test;

class Fork : public RcTest {
protected:
    void expect_traffic(uint32_t seed) {
        here().store(0, pattern(seed, 5000));
        ASSERT_EQ(there().post_recv(seed, {{0, 5000}}), 0);
        ASSERT_EQ(here().post_send(make_send(seed, {{0, 5000}})), 0);
        ASSERT_TRUE(succeeded(there().received(), seed, IBV_WC_RECV));
        ASSERT_TRUE(succeeded(here().sent(), seed, IBV_WC_SEND));
        ASSERT_EQ(there().load(0, 5000), pattern(seed, 5000));
        ASSERT_EQ(here().post_send(make_write(seed, {{0, 5000}}, there().at(10000))), 0);
        ASSERT_TRUE(succeeded(here().sent(), seed, IBV_WC_RDMA_WRITE));
        ASSERT_EQ(there().load(10000, 5000), pattern(seed, 5000));
    }
    static void reap(pid_t child, int expected_code) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
        EXPECT_EQ(WEXITSTATUS(status), expected_code);
    }
};
VERBS_TEST_EVERYWHERE(Fork);

TEST_P(Fork, SafetyIsGrantedOrNotNeeded) {
    EXPECT_EQ(ibv_fork_init(), 0);
    EXPECT_EQ(ibv_fork_init(), 0) << "asked twice";
}

TEST_P(Fork, OfAChildThatExitsLeavesTheConnectionAlone) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(7);
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
}

TEST_P(Fork, OfAChildThatExitsWithAllHandlersLeavesTheConnectionAlone) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(30);
        std::exit(7);
    }
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
}

TEST_P(Fork, OfAChildThatOpensTheDeviceForItselfGivesItAWorkingOne) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        int code = 1;
        try {
            const Context own(ibv_open_device(device_under_test()));
            LocalSide side(own.get());
            join(side, side);
            const bool posted =
                side.post_recv(1, {{0, 64}}) == 0 && side.post_send(make_send(2, {{100, 64}})) == 0;
            if (posted && succeeded(side.received(), 1, IBV_WC_RECV) &&
                succeeded(side.sent(), 2, IBV_WC_SEND)) {
                code = 7;
            }
        } catch (const std::exception &problem) {
            std::printf("in the child: %s\n", problem.what());
            std::fflush(stdout);
        }
        ::_exit(code);
    }
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
}

TEST_P(Fork, OfAChildThatLivesOnLeavesTheConnectionAlone) {
    connect();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // It writes to the memory it inherited, which is its own copy, and waits for the parent.
        here().store(0, std::vector<uint8_t>(1 << 16, 0xee));
        ::close(ends[1]);
        char byte = 0;
        ::_exit(::read(ends[0], &byte, 1) == 0 ? 7 : 8);
    }
    ::close(ends[0]);
    for (uint32_t seed = 1; seed <= 20; ++seed) {
        ASSERT_NO_FATAL_FAILURE(expect_traffic(seed));
    }
    ::close(ends[1]);
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(21));
}

// What the child inherited is the parent's: giving it back there may not take it away here.
TEST_P(Fork, OfAChildThatDestroysWhatItInheritedLeavesTheConnectionAlone) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        const bool all = ibv_dereg_mr(here().region().mr().get()) == 0 &&
                         ibv_destroy_qp(here().qp()) == 0 &&
                         ibv_destroy_cq(here().send_cq()) == 0 &&
                         ibv_destroy_cq(here().recv_cq()) == 0 && ibv_dealloc_pd(here().pd()) == 0;
        ::_exit(all ? 7 : 8);
    }
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
    // The peer uses our region, too.
    there().store(0, pattern(3, 5000));
    ASSERT_EQ(there().post_send(make_write(4, {{0, 5000}}, here().at(20000))), 0);
    ASSERT_TRUE(succeeded(there().sent(), 4, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(here().load(20000, 5000), pattern(3, 5000));
}

TEST_P(Fork, OfAChildThatClosesTheDeviceItInheritedLeavesTheConnectionAlone) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        ::_exit(ibv_close_device(context()) == 0 ? 7 : 8);
    }
    reap(child, 7);
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

// It is refused, or does nothing to anybody: what is not so is that the parent's keys change hands.
TEST_P(Fork, OfAChildThatRegistersMemoryOnWhatItInheritedLeavesTheParentsKeysAlone) {
    connect();
    ASSERT_NO_FATAL_FAILURE(expect_traffic(1));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        std::vector<uint8_t> bytes(4096);
        for (int i = 0; i < 10; ++i) {
            ibv_mr *mr = ibv_reg_mr(here().pd(), bytes.data(), bytes.size(), kEveryAccess);
            if (mr != nullptr && i % 2 == 0) ibv_dereg_mr(mr);
        }
        ::_exit(7);
    }
    reap(child, 7);
    const Region fresh(here().pd(), 8192);
    there().store(0, pattern(3, 8192));
    ASSERT_EQ(there().post_send(make_write(4, {{0, 8192}}, fresh.at(0))), 0);
    ASSERT_TRUE(succeeded(there().sent(), 4, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(std::ranges::equal(fresh.bytes(), pattern(3, 8192)));
    ASSERT_NO_FATAL_FAILURE(expect_traffic(2));
}

// Everything that an inherited queue pair can still be asked for, with both queues armed: what
// comes of it is the child's own, and no event of it reaches the parent.
TEST_P(Fork, OfAChildThatUsesWhatItInheritedTellsTheParentOfNothing) {
    connect();
    make_nonblocking(context()->async_fd);
    const Channel channel = create_channel(context());
    make_nonblocking(channel->fd);
    LocalSide armed(context(), {}, channel.get());
    SideOptions with_srq;
    with_srq.srq = {16, 1, 8};
    LocalSide shared(context(), with_srq, channel.get());
    LocalSide peer(context());
    join(armed, peer);
    ASSERT_EQ(armed.post_recv(1, {{0, 8}}), 0);
    for (LocalSide *side : {&armed, &shared}) {
        ASSERT_EQ(ibv_req_notify_cq(side->recv_cq(), 0), 0);
        ASSERT_EQ(ibv_req_notify_cq(side->send_cq(), 0), 0);
    }
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        bool good = armed.post_recv(2, {{0, 8}}) == 0 && armed.post_send(make_send(3, {})) == 0;
        ibv_wc wc{};
        for (uint64_t id = 1; id <= 2; ++id)
            good = good && ibv_poll_cq(armed.recv_cq(), 1, &wc) == 1 && wc.wr_id == id &&
                   wc.status == IBV_WC_WR_FLUSH_ERR;
        good = good && ibv_poll_cq(armed.send_cq(), 1, &wc) == 1 && wc.wr_id == 3;
        shared.post_srq_recv(4, {{0, 8}});
        shared.change_state(IBV_QPS_ERR);
        ::_exit(good ? 7 : 8);
    }
    reap(child, 7);
    EXPECT_FALSE(wait_readable(channel->fd, Milliseconds(0)));
    EXPECT_FALSE(wait_readable(context()->async_fd, Milliseconds(0)));
    // It is armed still, and its own events come.
    ASSERT_EQ(peer.post_send(make_send(5, {{0, 8}})), 0);
    ibv_cq *cq = nullptr;
    void *cookie = nullptr;
    ASSERT_TRUE(wait_readable(channel->fd, patience()));
    ASSERT_EQ(ibv_get_cq_event(channel.get(), &cq, &cookie), 0);
    EXPECT_EQ(cq, armed.recv_cq());
    ibv_ack_cq_events(cq, 1);
    EXPECT_TRUE(succeeded(armed.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(peer.sent(), 5, IBV_WC_SEND));
}

// A datagram queue pair finds its peers when it sends; in the child it is no queue pair any more.
TEST_P(Fork, OfAChildThatSendsDatagramsOnWhatItInheritedSendsNone) {
    SideOptions options;
    options.type = IBV_QPT_UD;
    connect(options);
    const QpAddress address = there().address();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::alarm(60);
        const Sending datagram = make_send(1, {{0, 8}}).to(address, PathOptions().qkey);
        ibv_wc wc{};
        const bool flushed = here().post_send(datagram) == 0 &&
                             ibv_poll_cq(here().send_cq(), 1, &wc) == 1 &&
                             wc.status == IBV_WC_WR_FLUSH_ERR;
        ::_exit(flushed ? 7 : 8);
    }
    reap(child, 7);
    // Were it under way it would come before this one.
    here().store(0, pattern(5, 8));
    ASSERT_EQ(there().post_recv(2, {{0, 100}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 8}}).to(address, PathOptions().qkey)), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_EQ(there().load(40, 8), pattern(5, 8));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

}  // namespace
