// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting: full queues, lists with a bad request in them, and receives that come late.
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

class RcQueue : public RcTest {
protected:
    // Requests in a list, as a program has them.
    struct SendList {
        explicit SendList(size_t count) : requests(count) {
            for (size_t i = 0; i < count; ++i) {
                requests[i].wr_id = i;
                requests[i].opcode = IBV_WR_SEND;
                requests[i].send_flags = IBV_SEND_SIGNALED;
                requests[i].next = i + 1 < count ? &requests[i + 1] : nullptr;
            }
        }
        std::vector<ibv_send_wr> requests;
        ibv_send_wr *bad = nullptr;
    };
    struct RecvList {
        explicit RecvList(size_t count) : requests(count) {
            for (size_t i = 0; i < count; ++i) {
                requests[i].wr_id = i;
                requests[i].next = i + 1 < count ? &requests[i + 1] : nullptr;
            }
        }
        std::vector<ibv_recv_wr> requests;
        ibv_recv_wr *bad = nullptr;
    };
};
VERBS_TEST_EVERYWHERE(RcQueue);

TEST_P(RcQueue, ForSendingTakesAWholeListInOrder) {
    connect();
    SendList list(10);
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_EQ(there().post_recv(i, {}), 0);
    }
    ASSERT_EQ(ibv_post_send(here().qp(), list.requests.data(), &list.bad), 0);
    const std::vector<ibv_wc> sent = here().sent(10);
    for (uint64_t i = 0; i < 10; ++i) {
        EXPECT_TRUE(succeeded(sent[i], i, IBV_WC_SEND));
    }
    EXPECT_EQ(there().received(10).size(), 10u);
}

TEST_P(RcQueue, ForSendingIsFullAtTheFirstRequestThatDoesNotFit) {
    SideOptions options;
    options.cap.max_send_wr = 8;
    connect(options);
    // Nobody receives, so nothing leaves the queue.
    const uint32_t granted = here().cap().max_send_wr;
    SendList list(granted + 1000);
    ASSERT_EQ(ibv_post_send(here().qp(), list.requests.data(), &list.bad), ENOMEM);
    ASSERT_NE(list.bad, nullptr);
    const uint64_t posted = list.bad->wr_id;
    EXPECT_GE(posted, granted);
    EXPECT_EQ(here().post_send(make_send(9999, {})), ENOMEM) << "still full";
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> flushed = here().sent(posted);
    EXPECT_EQ(flushed.back().wr_id, posted - 1);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
}

TEST_P(RcQueue, ForSendingHasRoomAgainAfterCompletions) {
    SideOptions options;
    options.cap.max_send_wr = 8;
    options.cap.max_recv_wr = 8;
    connect(options);
    for (int round = 0; round < iterations(50); ++round) {
        for (uint64_t i = 0; i < 8; ++i) {
            ASSERT_EQ(there().post_recv(i, {}), 0) << "round " << round;
        }
        for (uint64_t i = 0; i < 8; ++i) {
            const Sending request = make_send(i, {});
            ASSERT_EQ(here().post_send(i == 7 ? request : request.unsignaled()), 0)
                << "round " << round;
        }
        ASSERT_TRUE(succeeded(here().sent(), 7, IBV_WC_SEND));
        ASSERT_EQ(there().received(8).size(), 8u);
    }
}

TEST_P(RcQueue, ForReceivingIsFullAtTheFirstRequestThatDoesNotFit) {
    SideOptions options;
    options.cap.max_recv_wr = 8;
    connect(options);
    const uint32_t granted = here().cap().max_recv_wr;
    RecvList list(granted + 1000);
    ASSERT_EQ(ibv_post_recv(here().qp(), list.requests.data(), &list.bad), ENOMEM);
    ASSERT_NE(list.bad, nullptr);
    const uint64_t posted = list.bad->wr_id;
    EXPECT_GE(posted, granted);
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    EXPECT_EQ(here().received(posted).back().wr_id, posted - 1);
    EXPECT_TRUE(never([&] { return !is_empty(here().recv_cq()); }));
}

TEST_P(RcQueue, RefusesMorePiecesThanItHas) {
    connect();
    std::vector<ibv_sge> sges(here().cap().max_send_sge + here().cap().max_recv_sge + 1,
                              here().region().sge(0, 1));
    SendList sends(1);
    sends.requests[0].sg_list = sges.data();
    sends.requests[0].num_sge = static_cast<int>(here().cap().max_send_sge + 1);
    EXPECT_EQ(ibv_post_send(here().qp(), sends.requests.data(), &sends.bad), EINVAL);
    EXPECT_EQ(sends.bad, &sends.requests[0]);
    RecvList receives(1);
    receives.requests[0].sg_list = sges.data();
    receives.requests[0].num_sge = static_cast<int>(here().cap().max_recv_sge + 1);
    EXPECT_EQ(ibv_post_recv(here().qp(), receives.requests.data(), &receives.bad), EINVAL);
    EXPECT_EQ(receives.bad, &receives.requests[0]);
    sends.requests[0].num_sge = -1;
    EXPECT_EQ(ibv_post_send(here().qp(), sends.requests.data(), &sends.bad), EINVAL);
    receives.requests[0].num_sge = -1;
    EXPECT_EQ(ibv_post_recv(here().qp(), receives.requests.data(), &receives.bad), EINVAL);
}

TEST_P(RcQueue, RefusesAnOpcodeNobodyKnows) {
    connect();
    SendList list(1);
    list.requests[0].opcode = static_cast<ibv_wr_opcode>(14);
    const int error = ibv_post_send(here().qp(), list.requests.data(), &list.bad);
    EXPECT_TRUE(error == EINVAL || error == EOPNOTSUPP) << "errno " << error;
    EXPECT_EQ(list.bad, &list.requests[0]);
}

TEST_P(RcQueue, PostsWhatStandsBeforeABadSendAndNothingBehindIt) {
    connect();
    std::vector<ibv_sge> sges(here().cap().max_send_sge + 1, here().region().sge(0, 1));
    SendList list(5);
    list.requests[2].sg_list = sges.data();
    list.requests[2].num_sge = static_cast<int>(sges.size());
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(there().post_recv(i, {}), 0);
    }
    EXPECT_EQ(ibv_post_send(here().qp(), list.requests.data(), &list.bad), EINVAL);
    EXPECT_EQ(list.bad, &list.requests[2]);
    EXPECT_TRUE(succeeded(here().sent(), 0, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    // The queue pair is unharmed, and the next message is the third.
    ASSERT_EQ(here().post_send(make_send(7, {})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 7, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().received(3).back(), 2, IBV_WC_RECV));
    EXPECT_TRUE(is_empty(here().send_cq()));
}

TEST_P(RcQueue, PostsWhatStandsBeforeABadReceiveAndNothingBehindIt) {
    connect();
    std::vector<ibv_sge> sges(here().cap().max_recv_sge + 1, here().region().sge(0, 1));
    RecvList list(5);
    list.requests[3].sg_list = sges.data();
    list.requests[3].num_sge = static_cast<int>(sges.size());
    EXPECT_EQ(ibv_post_recv(here().qp(), list.requests.data(), &list.bad), EINVAL);
    EXPECT_EQ(list.bad, &list.requests[3]);
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    EXPECT_EQ(here().received(3).back().wr_id, 2u);
    EXPECT_TRUE(never([&] { return !is_empty(here().recv_cq()); }));
}

TEST_P(RcQueue, KeepsASendUntilTheReceiveComes) {
    connect();
    here().store(0, pattern(1, 3000));
    ASSERT_EQ(here().post_send(make_send(1, {{0, 3000}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
    ASSERT_EQ(there().post_recv(2, {{0, 3000}}), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_EQ(there().load(0, 3000), pattern(1, 3000));
}

TEST_P(RcQueue, KeepsManySendsInOrderUntilTheirReceivesCome) {
    connect();
    here().store(0, pattern(2, 100));
    for (uint32_t i = 0; i < 20; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{i, i + 1}})), 0);
    }
    for (uint32_t i = 0; i < 20; ++i) {
        ASSERT_EQ(there().post_recv(i, {{i * 100, 100}}), 0);
        const ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, i, IBV_WC_RECV));
        EXPECT_EQ(wc.byte_len, i + 1);
        EXPECT_EQ(there().load(i * 100, i + 1), here().load(i, i + 1));
    }
    EXPECT_EQ(here().sent(20).size(), 20u);
}

TEST_P(RcQueue, KeepsAWriteWithImmediateUntilTheReceiveComes) {
    connect();
    ASSERT_EQ(here().post_send(make_write(1, {{0, 10}}, there().at(0)).with_imm(5)), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
    ASSERT_EQ(there().post_recv(2, {}), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
}

TEST_P(RcQueue, GivesUpASendForWhichNoReceiveComesWhenRetriesAreCounted) {
    SideOptions options;
    options.path.rnr_retry = 2;
    connect(options);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
}

TEST_P(RcQueue, WritesAndReadsDoNotWaitForReceives) {
    connect();
    ASSERT_EQ(here().post_send(make_write(1, {{0, 10}}, there().at(0))), 0);
    ASSERT_EQ(here().post_send(make_read(2, {{0, 10}}, there().at(0))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_READ));
}

// Neither side looks at its queues until both have posted everything.
TEST_P(RcQueue, TakesMuchFromBothSidesBeforeEitherPolls) {
    SideOptions options;
    options.memory = 40 * (1 << 16);
    connect(options);
    const uint32_t size = 60000;
    const uint32_t count = 20;
    here().store(20 * (1 << 16), pattern(1, size));
    there().store(20 * (1 << 16), pattern(2, size));
    for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(here().post_recv(i, {{i << 16, size}}), 0);
        ASSERT_EQ(there().post_recv(i, {{i << 16, size}}), 0);
    }
    for (uint32_t i = 0; i < count; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{20 * (1 << 16), size}})), 0);
        ASSERT_EQ(there().post_send(make_send(i, {{20 * (1 << 16), size}})), 0);
    }
    for (Side *side : {static_cast<Side *>(&here()), &there()}) {
        const std::vector<ibv_wc> sent = side->sent(count);
        const std::vector<ibv_wc> received = side->received(count);
        for (uint32_t i = 0; i < count; ++i) {
            EXPECT_TRUE(succeeded(sent[i], i, IBV_WC_SEND));
            EXPECT_TRUE(succeeded(received[i], i, IBV_WC_RECV));
            EXPECT_TRUE(side->load(i << 16, size) == pattern(side == &here() ? 2 : 1, size));
        }
    }
}

class RcFlush : public RcTest {};
VERBS_TEST_EVERYWHERE(RcFlush);

TEST_P(RcFlush, GivesBackReceivesInOrder) {
    connect();
    for (uint64_t i = 0; i < 20; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
    }
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> wcs = there().received(20);
    for (uint64_t i = 0; i < 20; ++i) {
        EXPECT_TRUE(ended(wcs[i], i, IBV_WC_WR_FLUSH_ERR));
        EXPECT_EQ(wcs[i].qp_num, there().address().qp_num);
    }
}

TEST_P(RcFlush, GivesBackSendsInOrderTheUnsignaledOnesToo) {
    connect();
    for (uint64_t i = 0; i < 20; ++i) {
        const Sending request = make_send(i, {{0, 8}});
        ASSERT_EQ(here().post_send(i % 2 == 0 ? request : request.unsignaled()), 0);
    }
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> wcs = here().sent(20);
    for (uint64_t i = 0; i < 20; ++i) {
        EXPECT_TRUE(ended(wcs[i], i, IBV_WC_WR_FLUSH_ERR));
        EXPECT_EQ(wcs[i].qp_num, here().address().qp_num);
    }
}

TEST_P(RcFlush, MeetsWhatIsPostedAfterwards) {
    connect();
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}}).unsignaled()), 0);
    ASSERT_EQ(here().post_send(make_write(3, {{0, 8}}, there().at(0))), 0);
    EXPECT_TRUE(ended(here().received(), 1, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(RcFlush, LeavesCompletionsFromBeforeInFront) {
    connect();
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 8}})), 0);
    ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> wcs = there().received(2);
    EXPECT_TRUE(succeeded(wcs[0], 1, IBV_WC_RECV));
    EXPECT_TRUE(ended(wcs[1], 2, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(RcFlush, DoesNotHappenOnReset) {
    connect();
    ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().recv_cq()) || !is_empty(here().send_cq()); }));
}

TEST_P(RcFlush, IsOverAfterResetAndTheQueuePairWorksAgain) {
    connect();
    for (uint32_t life = 0; life < 3; ++life) {
        ASSERT_EQ(there().post_recv(99, {{0, 8}}), 0);
        ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
        ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
        ASSERT_TRUE(ended(there().received(), 99, IBV_WC_WR_FLUSH_ERR));
        join(here(), there());  // by way of RESET
        here().store(0, pattern(life, 2000));
        ASSERT_EQ(there().post_recv(1, {{0, 2000}}), 0);
        ASSERT_EQ(here().post_send(make_send(2, {{0, 2000}})), 0);
        ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
        ASSERT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
        ASSERT_EQ(there().load(0, 2000), pattern(life, 2000));
    }
}

}  // namespace
