// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_kernel.hpp"

namespace verbs_test {
namespace {

class PostAll : public QueuePair {
protected:
    int post_all(std::vector<ibv_send_wr> &list) {
        for (std::size_t i = 0; i + 1 < list.size(); ++i)
            list[i].next = &list[i + 1];
        return rxe::post_all(qp, list.data(), static_cast<uint32_t>(list.size()));
    }
};

TEST_F(PostAll, FillsTheQueueAndRingsOnce) {
    make(IBV_QPT_RC);
    std::vector<ibv_send_wr> list(3, request(IBV_WR_SEND));
    list[2].wr_id = 4;
    EXPECT_EQ(post_all(list), 0);
    EXPECT_EQ(sends.waiting(), 3u);
    EXPECT_EQ(commands.count(), 1);
    sends.complete();
    sends.complete();
    EXPECT_EQ(long_at(sends.oldest(), 0), 4u);
}

TEST_F(PostAll, TakesBackWhatWasBeforeARequestThatIsRefused) {
    make(IBV_QPT_RC);
    std::vector<ibv_send_wr> list(3, request(IBV_WR_SEND));
    list[2].opcode = IBV_WR_TSO;
    EXPECT_EQ(post_all(list), EINVAL);
    EXPECT_EQ(sends.waiting(), 0u);
    EXPECT_EQ(commands.count(), 0);
    // The next one stands where the first of those stood.
    ibv_send_wr next = request(IBV_WR_SEND);
    next.wr_id = 9;
    EXPECT_EQ(post(next), 0);
    EXPECT_EQ(sends.waiting(), 1u);
    EXPECT_EQ(long_at(sends.oldest(), 0), 9u);
}

TEST_F(PostAll, TakesBackAroundTheEndOfTheQueue) {
    sends.start_at(kSlots - 1);
    make(IBV_QPT_RC);
    std::vector<ibv_send_wr> list(3, request(IBV_WR_SEND));
    list[2].num_sge = kMaxSge + 1;
    EXPECT_EQ(post_all(list), EINVAL);
    EXPECT_EQ(sends.waiting(), 0u);
    list[2].num_sge = 0;
    EXPECT_EQ(post_all(list), 0);
    EXPECT_EQ(sends.waiting(), 3u);
}

TEST_F(PostAll, PostsNothingOfWhatDoesNotFit) {
    make(IBV_QPT_RC);
    std::vector<ibv_send_wr> five(5, request(IBV_WR_SEND));
    EXPECT_EQ(post_all(five), 0);
    std::vector<ibv_send_wr> three(3, request(IBV_WR_SEND));
    EXPECT_EQ(post_all(three), ENOMEM);
    EXPECT_EQ(sends.waiting(), 5u);
    sends.complete();
    EXPECT_EQ(post_all(three), 0);
    EXPECT_EQ(sends.waiting(), kSlots - 1);
}

TEST_F(PostAll, PutsTheValueOfAnAtomicWriteIntoTheSlot) {
    make(IBV_QPT_RC);
    qp.sq.type_bit |= rxe::kAtomicWriter;
    uint64_t value = 0x1122334455667788;
    ibv_sge sge{reinterpret_cast<uintptr_t>(&value), sizeof value, 0};
    std::vector<ibv_send_wr> list{request(IBV_WR_ATOMIC_WRITE, IBV_SEND_INLINE)};
    list[0].sg_list = &sge;
    list[0].num_sge = 1;
    list[0].wr.rdma = {0x1000, 7};
    ASSERT_EQ(post_all(list), 0);
    const uint8_t *wqe = sends.oldest();
    EXPECT_EQ(long_at(wqe, 24), 0x1000u);
    EXPECT_EQ(word_at(wqe, 32), 7u);
    EXPECT_EQ(long_at(wqe, 152), 0x1000u) << "iova";
    EXPECT_EQ(word_at(wqe, 184), 8u) << "length";
    EXPECT_EQ(long_at(wqe, 208), value);
}

TEST_F(PostAll, RefusesAtomicWritesOfOtherShapes) {
    make(IBV_QPT_RC);
    uint64_t value[2] = {};
    ibv_sge sge{reinterpret_cast<uintptr_t>(value), 8, 0};
    const auto refusal = [&](unsigned flags, uint32_t length, uint64_t address) {
        std::vector<ibv_send_wr> list{request(IBV_WR_ATOMIC_WRITE, flags)};
        sge.length = length;
        list[0].sg_list = &sge;
        list[0].num_sge = 1;
        list[0].wr.rdma = {address, 7};
        return post_all(list);
    };
    EXPECT_EQ(refusal(IBV_SEND_INLINE, 8, 0x1000), EINVAL) << "was not asked for";
    qp.sq.type_bit |= rxe::kAtomicWriter;
    EXPECT_EQ(refusal(0, 8, 0x1000), EINVAL) << "not inline";
    EXPECT_EQ(refusal(IBV_SEND_INLINE, 4, 0x1000), EINVAL);
    EXPECT_EQ(refusal(IBV_SEND_INLINE, 16, 0x1000), EINVAL);
    EXPECT_EQ(refusal(IBV_SEND_INLINE, 8, 0x1004), EINVAL) << "not aligned";
    EXPECT_EQ(sends.waiting(), 0u);
}

TEST_F(PostAll, WritesAFlushAsTheKernelReadsIt) {
    make(IBV_QPT_RC);
    std::vector<ibv_send_wr> list{request(IBV_WR_FLUSH)};
    verbs::provider::put_flush(list[0], {0x1000, 512, 7, IBV_FLUSH_GLOBAL, IBV_FLUSH_MR});
    ASSERT_EQ(post_all(list), 0);
    const uint8_t *wqe = sends.oldest();
    EXPECT_EQ(word_at(wqe, 12), 14u) << "opcode";
    EXPECT_EQ(long_at(wqe, 24), 0x1000u);
    EXPECT_EQ(word_at(wqe, 32), 512u);
    EXPECT_EQ(word_at(wqe, 36), 7u) << "key";
    EXPECT_EQ(wqe[40], 1) << "type";
    EXPECT_EQ(wqe[41], 1) << "level";
    EXPECT_EQ(long_at(wqe, 152), 0x1000u) << "iova";
    EXPECT_EQ(word_at(wqe, 184), 512u) << "length";
    EXPECT_EQ(word_at(wqe, 188), 512u) << "what is left of it";
    EXPECT_EQ(word_at(wqe, 196), 0u) << "pieces";
}

TEST_F(PostAll, RefusesAFlushThatWasNotBuilt) {
    make(IBV_QPT_RC);
    ibv_send_wr wr = request(IBV_WR_FLUSH);
    EXPECT_EQ(post(wr), EINVAL);
    EXPECT_EQ(bad_send, &wr);
    EXPECT_EQ(sends.waiting(), 0u);
}

TEST_F(PostAll, NeedsAQueuePairThatIsReady) {
    make(IBV_QPT_RC);
    qp.state = IBV_QPS_RTR;
    std::vector<ibv_send_wr> list(2, request(IBV_WR_SEND));
    EXPECT_EQ(post_all(list), EINVAL);
    EXPECT_EQ(sends.waiting(), 0u);
}

}  // namespace
}  // namespace verbs_test
