// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Unreliable connections: messages and writes as on a reliable one, but nobody tells the sender
// what became of them (IBTA volume 1, 9.8.2 and 10.2.4.2).
#include "rc_test.hpp"

#include <arpa/inet.h>

#include <string>

namespace {

using namespace verbs_test;

SideOptions uc_options(size_t memory = 1 << 16) {
    SideOptions options;
    options.type = IBV_QPT_UC;
    options.memory = memory;
    return options;
}

Slices piece(uint64_t offset, uint32_t length) {
    return length == 0 ? Slices{} : Slices{{offset, length}};
}

constexpr uint32_t kMiB = 1 << 20;
constexpr uint32_t kSizes[] = {0, 1, 4096, kMiB};

class Uc : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("uc");
    }
    // A message that arrives proves that both ends still work, and that what was sent before it is
    // over.
    void expect_delivery(uint64_t id = 99) {
        ASSERT_EQ(there().post_recv(id, {{0, 64}}), 0);
        expect_arrival(id);
    }
    void expect_arrival(uint64_t id) {
        ASSERT_EQ(here().post_send(make_send(id, {{0, 33}})), 0);
        const ibv_wc wc = there().received();
        EXPECT_TRUE(succeeded(wc, id, IBV_WC_RECV));
        EXPECT_EQ(wc.byte_len, 33u);
        EXPECT_TRUE(succeeded(here().sent(), id, IBV_WC_SEND));
    }
    // A write that the responder has to drop: nobody hears of it, and nothing happens.
    void expect_lost(const Sending &write) {
        const auto before = there().load(0, 1 << 16);
        here().store(0, pattern(7, 4096));
        ASSERT_EQ(here().post_send(write), 0);
        EXPECT_TRUE(succeeded(here().sent(), write.id, IBV_WC_RDMA_WRITE));
        ASSERT_EQ(there().post_recv(99, {}), 0);
        ASSERT_EQ(here().post_send(make_send(98, {})), 0);
        EXPECT_TRUE(succeeded(there().received(), 99, IBV_WC_RECV)) << "the first to arrive";
        EXPECT_TRUE(succeeded(here().sent(), 98, IBV_WC_SEND));
        EXPECT_EQ(there().load(0, 1 << 16), before);
        EXPECT_EQ(here().state(), IBV_QPS_RTS);
        EXPECT_EQ(there().state(), IBV_QPS_RTS);
    }
};
VERBS_TEST_EVERYWHERE(Uc);

TEST_P(Uc, MessagesOfEverySizeArrive) {
    connect(uc_options(2 * kMiB));
    here().store(0, pattern(1, kMiB));
    for (const uint32_t size : kSizes) {
        ASSERT_EQ(there().post_recv(1, {{kMiB, kMiB}}), 0);
        ASSERT_EQ(here().post_send(make_send(2, piece(0, size))), 0);
        const ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV)) << size;
        EXPECT_EQ(wc.byte_len, size);
        EXPECT_EQ(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
        EXPECT_EQ(wc.qp_num, there().address().qp_num);
        EXPECT_TRUE(there().load(kMiB, size) == pattern(1, size)) << size;
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << size;
    }
}

TEST_P(Uc, MessagesOfEverySizeCarryImmediateData) {
    connect(uc_options(2 * kMiB));
    here().store(0, pattern(2, kMiB));
    for (const uint32_t size : kSizes) {
        ASSERT_EQ(there().post_recv(1, {{kMiB, kMiB}}), 0);
        ASSERT_EQ(here().post_send(make_send(2, piece(0, size)).with_imm(0xcafe0000 + size)), 0);
        const ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV)) << size;
        EXPECT_EQ(wc.byte_len, size);
        EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
        EXPECT_EQ(ntohl(wc.imm_data), 0xcafe0000 + size);
        EXPECT_TRUE(there().load(kMiB, size) == pattern(2, size)) << size;
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << size;
    }
}

TEST_P(Uc, WritesOfEverySizeAreThereWhenTheMessageBehindThemIs) {
    connect(uc_options(2 * kMiB));
    for (const uint32_t size : kSizes) {
        here().store(0, pattern(size, kMiB));
        ASSERT_EQ(there().post_recv(1, {}), 0);
        ASSERT_EQ(here().post_send(make_write(2, piece(0, size), there().at(kMiB))), 0);
        ASSERT_EQ(here().post_send(make_send(3, {})), 0);
        ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV)) << size;
        EXPECT_TRUE(there().load(kMiB, size) == pattern(size, size)) << size;
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_WRITE)) << size;
        EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND)) << size;
    }
}

TEST_P(Uc, WritesWithImmediateOfEverySizeTakeAReceive) {
    connect(uc_options(2 * kMiB));
    for (const uint32_t size : kSizes) {
        here().store(0, pattern(size + 5, kMiB));
        ASSERT_EQ(there().post_recv(1, {}), 0);
        const Sending write = make_write(2, piece(0, size), there().at(kMiB)).with_imm(size + 3);
        ASSERT_EQ(here().post_send(write), 0);
        const ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV_RDMA_WITH_IMM)) << size;
        EXPECT_EQ(wc.byte_len, size);
        EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
        EXPECT_EQ(ntohl(wc.imm_data), size + 3);
        EXPECT_TRUE(there().load(kMiB, size) == pattern(size + 5, size)) << size;
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_WRITE)) << size;
    }
}

TEST_P(Uc, AWriteArrivesThoughThePeerDoesNothing) {
    connect(uc_options());
    here().store(0, pattern(3, 3000));
    ASSERT_EQ(here().post_send(make_write(1, {{0, 3000}}, there().at(8192))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(eventually([&] { return there().load(8192, 3000) == pattern(3, 3000); }));
}

TEST_P(Uc, InlineDataIsTakenAtPosting) {
    connect(uc_options());
    here().store(0, pattern(4, 60));
    ASSERT_EQ(there().post_recv(1, {{1000, 60}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 60}}).with(IBV_SEND_INLINE)), 0);
    here().store(0, std::vector<uint8_t>(60, 0xee));
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(there().load(1000, 60), pattern(4, 60));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Uc, PiecesAreJoinedAndSplit) {
    connect(uc_options());
    here().store(0, pattern(5, 20000));
    ASSERT_EQ(there().post_recv(1, {{0, 2500}, {30000, 5000}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 3000}, {3000, 1}, {3001, 1999}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 5000u);
    auto arrived = there().load(0, 2500);
    const auto rest = there().load(30000, 2500);
    arrived.insert(arrived.end(), rest.begin(), rest.end());
    EXPECT_EQ(arrived, pattern(5, 5000));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Uc, MessagesFillReceivesInTheOrderOfBoth) {
    connect(uc_options());
    here().store(0, pattern(6, 1000));
    for (uint32_t i = 0; i < 50; ++i) {
        ASSERT_EQ(there().post_recv(100 + i, {{i * 500, 500}}), 0);
    }
    for (uint32_t i = 0; i < 50; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{i, i + 1}})), 0);
    }
    const std::vector<ibv_wc> received = there().received(50);
    const std::vector<ibv_wc> sent = here().sent(50);
    for (uint32_t i = 0; i < 50; ++i) {
        EXPECT_TRUE(succeeded(received[i], 100 + i, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(sent[i], i, IBV_WC_SEND));
        EXPECT_EQ(received[i].byte_len, i + 1);
        EXPECT_EQ(there().load(i * 500, i + 1), here().load(i, i + 1));
    }
}

TEST_P(Uc, LaterWritesCoverEarlierOnes) {
    connect(uc_options());
    for (uint32_t i = 0; i < 20; ++i) {
        here().store(i * 1000, pattern(i, 1000));
        ASSERT_EQ(here().post_send(make_write(i, {{i * 1000, 1000}}, there().at(0))), 0);
    }
    ASSERT_EQ(there().post_recv(1, {}), 0);
    ASSERT_EQ(here().post_send(make_send(20, {})), 0);
    ASSERT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_EQ(there().load(0, 1000), pattern(19, 1000));
    EXPECT_EQ(here().sent(21).size(), 21u);
}

TEST_P(Uc, AReadIsRefusedAtPosting) {
    connect(uc_options());
    EXPECT_EQ(here().post_send(make_read(1, {{0, 8}}, there().at(0))), EINVAL);
    EXPECT_TRUE(is_empty(here().send_cq()));
    expect_delivery();
}

TEST_P(Uc, AMessageLongerThanItsReceiveFailsForTheReceiverAlone) {
    connect(uc_options());
    here().store(0, pattern(8, 3000));
    ASSERT_EQ(there().post_recv(1, {{100, 2000}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 3000}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_LEN_ERR));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << "the sender cannot know";
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
    EXPECT_EQ(there().load(2100, 2000), std::vector<uint8_t>(2000)) << "behind the receive";
}

TEST_P(Uc, AMessageForAReceiveWithAWrongKeyFailsForTheReceiverAlone) {
    connect(uc_options());
    ASSERT_EQ(there().post_recv(1, {{0, 100, 0x00ffff00}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 100}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << "the sender cannot know";
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

TEST_P(Uc, AWriteWithAWrongKeyIsLost) {
    connect(uc_options());
    RemotePlace place = there().at(0);
    place.rkey ^= 0x00ffff00;
    expect_lost(make_write(1, {{0, 100}}, place));
}

TEST_P(Uc, AWriteWithImmediateAndAWrongKeyIsLostAndTakesNoReceive) {
    connect(uc_options());
    RemotePlace place = there().at(0);
    place.rkey ^= 0x00ffff00;
    expect_lost(make_write(1, {{0, 100}}, place).with_imm(5));
}

TEST_P(Uc, AWriteThatEndsBehindTheRegionIsLost) {
    connect(uc_options());
    expect_lost(make_write(1, {{0, 4096}}, there().at((1 << 16) - 4095)));
}

TEST_P(Uc, AWriteToARegionThatMayOnlyBeReadIsLost) {
    SideOptions constant = uc_options();
    constant.memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ;
    connect(uc_options(), constant);
    expect_lost(make_write(1, {{0, 100}}, there().at(0)));
}

TEST_P(Uc, AWriteToAQueuePairThatTakesNoneIsLost) {
    SideOptions closed = uc_options();
    closed.path.qp_access = 0;
    connect(uc_options(), closed);
    expect_lost(make_write(1, {{0, 100}}, there().at(0)));
}

// Whether the message waits for a receive or is dropped is the device's business.
TEST_P(Uc, AMessageWithoutAReceiveStopsNeitherSide) {
    connect(uc_options());
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    ASSERT_EQ(there().post_recv(2, {{0, 64}}), 0);
    ASSERT_EQ(there().post_recv(3, {{0, 64}}), 0);
    ASSERT_EQ(here().post_send(make_send(4, {{0, 33}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 4, IBV_WC_SEND));
    const ibv_wc first = there().received();
    ASSERT_TRUE(succeeded(first, 2, IBV_WC_RECV));
    if (first.byte_len == 8) {
        const ibv_wc second = there().received();
        ASSERT_TRUE(succeeded(second, 3, IBV_WC_RECV));
        EXPECT_EQ(second.byte_len, 33u);
    } else {
        EXPECT_EQ(first.byte_len, 33u);
    }
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
    EXPECT_EQ(there().state(), IBV_QPS_RTS);
}

TEST_P(Uc, MessagesToAPeerInResetAreLostWithoutAnError) {
    connect(uc_options());
    ASSERT_EQ(there().change_state(IBV_QPS_RESET), 0);
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
        ASSERT_EQ(here().post_send(make_write(i, {{0, 8}}, there().at(0))), 0);
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_RDMA_WRITE));
    }
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

TEST_P(Uc, MessagesToAPeerInErrorAreLostWithoutAnError) {
    connect(uc_options());
    expect_delivery();
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

TEST_P(Uc, MessagesToANumberNobodyHasAreLostWithoutAnError) {
    make_sides(GetParam(), uc_options(), uc_options());
    QpAddress nobody = there().address();
    nobody.qp_num ^= 0x800000;
    here().connect(nobody);
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

TEST_P(Uc, MessagesToAReliableQueuePairDoNotArrive) {
    make_sides(GetParam(), uc_options(), SideOptions());
    join(here(), there());
    ASSERT_EQ(there().post_recv(1, {{0, 64}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(Uc, RequestsAreFlushedInTheErrorState) {
    connect(uc_options());
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_EQ(here().post_recv(i, {{0, 64}}), 0);
    }
    ASSERT_EQ(here().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> wcs = here().received(10);
    for (uint64_t i = 0; i < 10; ++i) {
        EXPECT_TRUE(ended(wcs[i], i, IBV_WC_WR_FLUSH_ERR));
    }
    ASSERT_EQ(here().post_send(make_send(11, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 11, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(Uc, ConnectsAgainAfterAReset) {
    connect(uc_options());
    expect_delivery();
    ASSERT_EQ(there().post_recv(5, {{0, 64}}), 0);
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    ASSERT_EQ(there().change_state(IBV_QPS_RESET), 0);
    join(here(), there());
    expect_delivery(6);
}

// A request that fails on its own side: the specification wants the send queue in its error state
// (SQE), in which receives go on; devices that do not know it have the whole queue pair in error.
TEST_P(Uc, ASendFromAWrongKeyFailsAndStopsTheSendQueue) {
    connect(uc_options());
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8, 0x00ffff00}})), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(
        eventually([&] { return here().state() == IBV_QPS_SQE || here().state() == IBV_QPS_ERR; }));
}

class UcPeer : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("uc");
    }
};

TEST_F(UcPeer, ThatDiesIsNotMissed) {
    LocalSide here(context(), uc_options());
    RemoteSide there(uc_options());
    join(here, there);
    const RemotePlace place = there.at(0);
    ASSERT_EQ(there.post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 8}})), 0);
    ASSERT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    there.kill();
    for (uint64_t i = 0; i < 20; ++i) {
        ASSERT_EQ(here.post_send(make_send(i, {{0, 8}})), 0);
        EXPECT_TRUE(succeeded(here.sent(), i, IBV_WC_SEND));
        ASSERT_EQ(here.post_send(make_write(i, {{0, 8}}, place)), 0);
        EXPECT_TRUE(succeeded(here.sent(), i, IBV_WC_RDMA_WRITE));
    }
    EXPECT_EQ(here.state(), IBV_QPS_RTS);
}

// Its data goes ahead of the immediate then, and is judged before that.
TEST_F(UcPeer, ThatMayNotCopyLosesAWriteWithItsImmediateToo) {
    RemoteSide there(uc_options(), "side-without-copies");
    LocalSide here(context(), uc_options());
    join(here, there);
    const RemotePlace good = here.at(0);
    const RemotePlace bad{good.addr, good.rkey ^ 0x00ffff00};
    for (const uint32_t size : {8u, 60000u}) {
        for (uint64_t i = 0; i < 3; ++i) {
            ASSERT_EQ(here.post_recv(i, {}), 0);
        }
        ASSERT_EQ(there.post_send(make_write(1, {{0, size}}, bad).with_imm(1)), 0);
        ASSERT_EQ(there.post_send(make_write(2, {{0, size}}, bad)), 0);
        ASSERT_EQ(there.post_send(make_write(3, {}, good).with_imm(3)), 0);
        ASSERT_EQ(there.post_send(make_write(4, {{0, size}}, bad).with_imm(4)), 0);
        ASSERT_EQ(there.post_send(make_send(5, {})), 0);
        ASSERT_EQ(there.post_send(make_write(6, {{0, size}}, good).with_imm(6)), 0);
        EXPECT_EQ(there.sent(6).back().status, IBV_WC_SUCCESS);
        const std::vector<ibv_wc> received = here.received(3);
        EXPECT_TRUE(succeeded(received[0], 0, IBV_WC_RECV_RDMA_WITH_IMM));
        EXPECT_EQ(ntohl(received[0].imm_data), 3u);
        EXPECT_TRUE(succeeded(received[1], 1, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(received[2], 2, IBV_WC_RECV_RDMA_WITH_IMM));
        EXPECT_EQ(ntohl(received[2].imm_data), 6u);
        EXPECT_EQ(received[2].byte_len, size);
    }
}

class UcState : public UcPeer {
protected:
    void SetUp() override {
        UcPeer::SetUp();
        if (!IsSkipped()) side_ = std::make_unique<LocalSide>(context(), uc_options());
    }
    LocalSide &side() { return *side_; }
    Step usual(ibv_qp_state target) {
        switch (target) {
        case IBV_QPS_INIT:
            return rc_init();
        case IBV_QPS_RTR:
            return uc_rtr(context(), side_->address());
        case IBV_QPS_RTS:
            return uc_rts();
        default:
            return to_state(target);
        }
    }
    void expect_refused(Step step, const std::string &what) {
        const ibv_qp_state before = side_->state();
        EXPECT_EQ(step.apply(side_->qp()), EINVAL) << what;
        EXPECT_EQ(side_->state(), before) << what;
    }
    // For a change, the attributes without which it fails and those that must not be there.
    void check_change(ibv_qp_state target, std::initializer_list<int> required,
                      std::initializer_list<int> foreign) {
        for (const int bit : required) {
            expect_refused(usual(target).without(bit), "without bit " + std::to_string(bit));
        }
        for (const int bit : foreign) {
            Step step = usual(target);
            step.mask |= bit;
            expect_refused(step, "with bit " + std::to_string(bit));
        }
        ASSERT_EQ(usual(target).apply(side_->qp()), 0);
        EXPECT_EQ(side_->state(), target);
    }

private:
    std::unique_ptr<LocalSide> side_;
};

TEST_F(UcState, NeedsNoneOfTheAttributesThatServeReliability) {
    ASSERT_NO_FATAL_FAILURE(check_change(
        IBV_QPS_INIT, {IBV_QP_PKEY_INDEX, IBV_QP_PORT, IBV_QP_ACCESS_FLAGS}, {IBV_QP_QKEY}));
    ASSERT_NO_FATAL_FAILURE(
        check_change(IBV_QPS_RTR, {IBV_QP_AV, IBV_QP_PATH_MTU, IBV_QP_DEST_QPN, IBV_QP_RQ_PSN},
                     {IBV_QP_MAX_DEST_RD_ATOMIC, IBV_QP_MIN_RNR_TIMER, IBV_QP_QKEY}));
    ASSERT_NO_FATAL_FAILURE(check_change(IBV_QPS_RTS, {IBV_QP_SQ_PSN},
                                         {IBV_QP_TIMEOUT, IBV_QP_RETRY_CNT, IBV_QP_RNR_RETRY,
                                          IBV_QP_MAX_QP_RD_ATOMIC, IBV_QP_QKEY}));
}

TEST_F(UcState, GoesThroughItsWholeLifeTwice) {
    for (int life = 0; life < 2; ++life) {
        for (const ibv_qp_state state :
             {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR, IBV_QPS_RESET}) {
            ASSERT_EQ(usual(state).apply(side().qp()), 0) << "to " << state;
            EXPECT_EQ(side().state(), state);
        }
    }
}

TEST_F(UcState, IsToldByAQueryTogetherWithTheType) {
    for (const ibv_qp_state state : {IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS}) {
        ASSERT_EQ(usual(state).apply(side().qp()), 0);
    }
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_EQ(ibv_query_qp(side().qp(), &attr, IBV_QP_STATE | IBV_QP_DEST_QPN, &init), 0);
    EXPECT_EQ(attr.qp_state, IBV_QPS_RTS);
    EXPECT_EQ(attr.dest_qp_num, side().qp()->qp_num);
    EXPECT_EQ(init.qp_type, IBV_QPT_UC);
    EXPECT_EQ(side().qp()->qp_type, IBV_QPT_UC);
}

}  // namespace
