// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting receives to a queue pair's own queue and to a shared one.
#include "fake_kernel.hpp"

namespace {

using namespace verbs_test;

class Receives : public QueuePair {
protected:
    void SetUp() override { make(IBV_QPT_RC); }
    void expect_refused(ibv_recv_wr wr, int code) {
        bad_recv = nullptr;
        EXPECT_EQ(post(wr), code);
        EXPECT_EQ(bad_recv, &wr);
        EXPECT_EQ(receives.waiting(), 0u);
    }
    std::array<ibv_sge, 5> pieces{
        {{0x1000, 8, 11}, {0x2000, 100, 12}, {0x3000, 0, 13}, {0x4000, 1, 14}, {0x5000, 1, 15}}};
};

void expect_bytes(const uint8_t *wqe, const ibv_recv_wr &wr, uint32_t length) {
    EXPECT_EQ(long_at(wqe, 0), wr.wr_id);
    EXPECT_EQ(word_at(wqe, 16), length);
    EXPECT_EQ(word_at(wqe, 20), length) << "resid";
    EXPECT_EQ(word_at(wqe, 24), 0u) << "cur_sge";
    EXPECT_EQ(word_at(wqe, 28), static_cast<uint32_t>(wr.num_sge));
    EXPECT_EQ(word_at(wqe, 32), 0u) << "sge_offset";
    for (std::size_t i = 0; i < static_cast<std::size_t>(wr.num_sge); ++i) {
        EXPECT_EQ(long_at(wqe, 40 + 16 * i), wr.sg_list[i].addr);
        EXPECT_EQ(word_at(wqe, 48 + 16 * i), wr.sg_list[i].length);
        EXPECT_EQ(word_at(wqe, 52 + 16 * i), wr.sg_list[i].lkey);
    }
}

TEST_F(Receives, AreWrittenAsTheKernelReadsThem) {
    for (uint32_t i = 0; i < kSlots; ++i)
        std::memset(receives.slot(i), 0xa5, 128);
    ibv_recv_wr wr{0x8877665544332211, nullptr, pieces.data(), 4};
    ASSERT_EQ(post(wr), 0);
    ASSERT_EQ(receives.waiting(), 1u);
    expect_bytes(receives.oldest(), wr, 109);
    EXPECT_EQ(commands.count(), 0) << "the kernel looks for them by itself";
}

TEST_F(Receives, WithMorePiecesThanGrantedAreRefused) {
    for (const int count : {5, -1})
        expect_refused({1, nullptr, pieces.data(), count}, EINVAL);
}

TEST_F(Receives, InResetAreRefused) {
    qp.state = IBV_QPS_RESET;
    expect_refused({1, nullptr, nullptr, 0}, EINVAL);
    qp.state = IBV_QPS_INIT;
    ibv_recv_wr wr{};
    EXPECT_EQ(post(wr), 0);
}

TEST_F(Receives, FillTheQueueAndGoOnAfterMessages) {
    for (uint64_t round = 0; round < 20; ++round) {
        std::array<ibv_recv_wr, kSlots> list{};
        for (std::size_t i = 0; i < list.size(); ++i)
            list[i] = {round * 100 + i, i + 1 < list.size() ? &list[i + 1] : nullptr, nullptr, 0};
        EXPECT_EQ(post(list[0]), ENOMEM);
        EXPECT_EQ(bad_recv, &list[kSlots - 1]);
        for (uint64_t i = 0; i < kSlots - 1; ++i) {
            EXPECT_EQ(long_at(receives.oldest(), 0), round * 100 + i);
            receives.complete();
        }
    }
}

// The kernel would leave them in the queue for ever.
TEST_F(Receives, InTheErrorStateAreFlushedByGoingThereAgain) {
    qp.state = IBV_QPS_ERR;
    ibv_recv_wr wr{};
    EXPECT_EQ(post(wr), 0);
    EXPECT_EQ(receives.waiting(), 1u);
    const std::vector<uint32_t> command = commands.next();
    ASSERT_EQ(command.size(), 30u);
    EXPECT_EQ(command[0], uint32_t{IB_USER_VERBS_CMD_MODIFY_QP});
    EXPECT_EQ(command[1], 30u) << "words there, none back";
    ib_uverbs_modify_qp change;
    std::memcpy(&change, command.data() + 2, sizeof change);
    EXPECT_EQ(change.qp_handle, kHandle);
    EXPECT_EQ(change.attr_mask, uint32_t{IBV_QP_STATE});
    EXPECT_EQ(change.qp_state, IBV_QPS_ERR);
    EXPECT_EQ(commands.count(), 0);
}

TEST(ReceivesOfASharedQueue, AreNotForTheQueuePair) {
    KernelQueue sends(kSlots, 9);
    rxe::Qp qp;
    ibv_qp_cap cap{5, 123, kMaxSge, 45, kMaxInline};
    ASSERT_TRUE(rxe::attach(qp, IBV_QPT_RC, 1, sends.map(), {}, cap));
    EXPECT_EQ(cap.max_recv_wr, 123u) << "nothing is known of it";
    qp.state = IBV_QPS_RTS;
    ibv_recv_wr wr{};
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(rxe::post_recv(&qp, &wr, &bad), EINVAL);
    EXPECT_EQ(bad, &wr);
}

TEST(ReceivesOfASharedQueue, AreWrittenAndRefusedAsOthers) {
    KernelQueue queue(kSlots, 7);
    rxe::Srq srq;
    ASSERT_TRUE(rxe::attach(srq.rq, queue.map(), 2));
    std::array<ibv_sge, 3> pieces{{{0x1000, 8, 11}, {0x2000, 100, 12}, {0x3000, 1, 13}}};
    std::array<ibv_recv_wr, 2> list{
        {{7, nullptr, pieces.data(), 2}, {8, nullptr, pieces.data(), 3}}};
    list[0].next = &list[1];
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(rxe::post_srq_recv(&srq, &list[0], &bad), EINVAL);
    EXPECT_EQ(bad, &list[1]);
    ASSERT_EQ(queue.waiting(), 1u);
    expect_bytes(queue.oldest(), list[0], 108);
}

TEST(ReceivesOfASharedQueue, GoOnInAnotherOneAfterAResize) {
    KernelQueue small(4, 7);
    KernelQueue large(16, 7);
    rxe::Srq srq;
    ASSERT_TRUE(rxe::attach(srq.rq, small.map(), 2));
    ibv_recv_wr wr{};
    ibv_recv_wr *bad = nullptr;
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(rxe::post_srq_recv(&srq, &wr, &bad), 0);
    ASSERT_EQ(rxe::post_srq_recv(&srq, &wr, &bad), ENOMEM);
    large.header().producer_index = 3;  // the kernel moved them
    ASSERT_TRUE(rxe::resize(srq.rq, [&] { return verbs::Result<verbs::Mapping>(large.map()); }));
    EXPECT_EQ(srq.rq.ring.capacity(), 15u);
    wr.wr_id = 99;
    ASSERT_EQ(rxe::post_srq_recv(&srq, &wr, &bad), 0);
    EXPECT_EQ(large.waiting(), 4u);
    EXPECT_EQ(long_at(large.slot(3), 0), 99u);
}

}  // namespace
