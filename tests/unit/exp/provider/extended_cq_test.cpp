// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <verbs/extended_cq.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

namespace {

using namespace verbs::provider;

struct FakeCq : ExtendedCq {
    std::deque<ibv_wc> waiting;
    bool is_broken = false;
};

int take(FakeCq &cq) noexcept {
    if (cq.is_broken) return -1;
    if (cq.waiting.empty()) return 0;
    cq.in_hand = cq.waiting.front();
    cq.waiting.pop_front();
    return 1;
}

ibv_wc completion(uint64_t wr_id) {
    ibv_wc wc{};
    wc.wr_id = wr_id;
    return wc;
}

class ExtendedCqTest : public testing::Test {
protected:
    ibv_cq_ex &make(uint64_t fields, uint32_t flags = 0) {
        ibv_cq_init_attr_ex attr{};
        attr.wc_flags = fields;
        attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
        attr.flags = flags;
        return *extend<FakeCq, take>(cq_, attr);
    }
    FakeCq cq_;
    ibv_poll_cq_attr nothing_{};
};

TEST_F(ExtendedCqTest, IsThePlainQueueToo) {
    ibv_cq_ex &cq = make(0);
    EXPECT_EQ(reinterpret_cast<ibv_cq *>(&cq), static_cast<ibv_cq *>(&cq_));
    static_cast<ibv_cq &>(cq_).cqe = 7;
    EXPECT_EQ(cq.cqe, 7);
}

TEST_F(ExtendedCqTest, SaysThatItIsEmptyAndIsNotLockedThen) {
    ibv_cq_ex &cq = make(0);
    EXPECT_EQ(cq.start_poll(&cq, &nothing_), ENOENT);
    EXPECT_FALSE(cq_.steps_lock.is_held());
}

TEST_F(ExtendedCqTest, StepsThroughWhatWaitsInOrder) {
    ibv_cq_ex &cq = make(0);
    cq_.waiting = {completion(1), completion(2), completion(3)};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    EXPECT_EQ(cq.wr_id, 1u);
    ASSERT_EQ(cq.next_poll(&cq), 0);
    EXPECT_EQ(cq.wr_id, 2u);
    cq.end_poll(&cq);
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    EXPECT_EQ(cq.wr_id, 3u);
    EXPECT_EQ(cq.next_poll(&cq), ENOENT);
    cq.end_poll(&cq);
    EXPECT_FALSE(cq_.steps_lock.is_held());
}

TEST_F(ExtendedCqTest, FindsWhatCameBetweenTwoSteps) {
    ibv_cq_ex &cq = make(0);
    cq_.waiting = {completion(1)};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    ASSERT_EQ(cq.next_poll(&cq), ENOENT);
    cq_.waiting = {completion(2)};
    EXPECT_EQ(cq.next_poll(&cq), 0);
    EXPECT_EQ(cq.wr_id, 2u);
    cq.end_poll(&cq);
}

TEST_F(ExtendedCqTest, TellsFailuresOfRequests) {
    ibv_cq_ex &cq = make(IBV_WC_EX_WITH_QP_NUM);
    ibv_wc failed = completion(5);
    failed.status = IBV_WC_RETRY_EXC_ERR;
    failed.vendor_err = 0x81;
    failed.qp_num = 12;
    cq_.waiting = {failed, completion(6)};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    EXPECT_EQ(cq.status, IBV_WC_RETRY_EXC_ERR);
    EXPECT_EQ(cq.wr_id, 5u);
    EXPECT_EQ(cq.read_vendor_err(&cq), 0x81u);
    EXPECT_EQ(cq.read_qp_num(&cq), 12u);
    ASSERT_EQ(cq.next_poll(&cq), 0);
    EXPECT_EQ(cq.status, IBV_WC_SUCCESS);
    cq.end_poll(&cq);
}

TEST_F(ExtendedCqTest, SaysThatItIsBroken) {
    ibv_cq_ex &cq = make(0);
    cq_.waiting = {completion(1)};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    cq_.is_broken = true;
    EXPECT_EQ(cq.next_poll(&cq), EIO);
    cq.end_poll(&cq);
    EXPECT_EQ(cq.start_poll(&cq, &nothing_), EIO);
    EXPECT_FALSE(cq_.steps_lock.is_held());
}

TEST_F(ExtendedCqTest, ReadsEveryFieldOfTheCompletionInHand) {
    ibv_cq_ex &cq = make(IBV_WC_STANDARD_FLAGS);
    ibv_wc wc = completion(1);
    wc.opcode = IBV_WC_RECV_RDMA_WITH_IMM;
    wc.byte_len = 100;
    wc.imm_data = 0x01020304;
    wc.qp_num = 11;
    wc.src_qp = 12;
    wc.wc_flags = IBV_WC_WITH_IMM | IBV_WC_GRH;
    wc.slid = 0xfffe;
    wc.sl = 14;
    wc.dlid_path_bits = 15;
    cq_.waiting = {wc};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    EXPECT_EQ(cq.read_opcode(&cq), IBV_WC_RECV_RDMA_WITH_IMM);
    EXPECT_EQ(cq.read_byte_len(&cq), 100u);
    EXPECT_EQ(cq.read_imm_data(&cq), 0x01020304u);
    EXPECT_EQ(cq.read_qp_num(&cq), 11u);
    EXPECT_EQ(cq.read_src_qp(&cq), 12u);
    EXPECT_EQ(cq.read_wc_flags(&cq), unsigned{IBV_WC_WITH_IMM | IBV_WC_GRH});
    EXPECT_EQ(cq.read_slid(&cq), 0xfffeu);
    EXPECT_EQ(cq.read_sl(&cq), 14);
    EXPECT_EQ(cq.read_dlid_path_bits(&cq), 15);
    cq.end_poll(&cq);
}

TEST_F(ExtendedCqTest, HasOnlyTheFieldsThatWereAskedFor) {
    ibv_cq_ex &cq = make(IBV_WC_EX_WITH_IMM);
    EXPECT_NE(cq.read_opcode, nullptr);
    EXPECT_NE(cq.read_vendor_err, nullptr);
    EXPECT_NE(cq.read_wc_flags, nullptr);
    EXPECT_NE(cq.read_imm_data, nullptr);
    EXPECT_EQ(cq.read_byte_len, nullptr);
    EXPECT_EQ(cq.read_qp_num, nullptr);
    EXPECT_EQ(cq.read_src_qp, nullptr);
    EXPECT_EQ(cq.read_slid, nullptr);
    EXPECT_EQ(cq.read_sl, nullptr);
    EXPECT_EQ(cq.read_dlid_path_bits, nullptr);
    EXPECT_EQ(cq.read_completion_ts, nullptr);
    EXPECT_EQ(cq.read_cvlan, nullptr);
    EXPECT_EQ(cq.read_flow_tag, nullptr);
    EXPECT_EQ(cq.read_tm_info, nullptr);
    EXPECT_EQ(cq.read_completion_wallclock_ns, nullptr);
}

TEST_F(ExtendedCqTest, RefusesToBePolledForMoreThanThereIs) {
    ibv_cq_ex &cq = make(0);
    cq_.waiting = {completion(1)};
    ibv_poll_cq_attr more{1};
    EXPECT_EQ(cq.start_poll(&cq, &more), EINVAL);
    EXPECT_EQ(cq_.waiting.size(), 1u);
    EXPECT_FALSE(cq_.steps_lock.is_held());
}

TEST_F(ExtendedCqTest, IsOneThreadsBetweenStartAndEnd) {
    ibv_cq_ex &cq = make(0);
    constexpr uint64_t kCount = 2000;
    for (uint64_t i = 0; i < kCount; ++i)
        cq_.waiting.push_back(completion(i));
    std::atomic<uint64_t> sum{0};
    std::atomic<bool> was_disturbed{false};
    const auto drain = [&] {
        while (cq.start_poll(&cq, &nothing_) == 0) {
            const uint64_t own = cq.wr_id;
            std::this_thread::yield();
            if (cq.wr_id != own) was_disturbed = true;
            sum += own;
            cq.end_poll(&cq);
        }
    };
    std::thread other(drain);
    drain();
    other.join();
    EXPECT_FALSE(was_disturbed);
    EXPECT_EQ(sum, kCount * (kCount - 1) / 2);
}

TEST_F(ExtendedCqTest, LeavesOutTheLockForASingleThread) {
    ibv_cq_ex &cq = make(0, IBV_CREATE_CQ_ATTR_SINGLE_THREADED);
    cq_.waiting = {completion(1)};
    ASSERT_EQ(cq.start_poll(&cq, &nothing_), 0);
    EXPECT_FALSE(cq_.steps_lock.is_held());
    cq_.steps_lock.lock();
    cq.end_poll(&cq);
    EXPECT_TRUE(cq_.steps_lock.is_held());
}

TEST(JudgeCq, TakesWhatItKnows) {
    ibv_cq_init_attr_ex attr{};
    EXPECT_TRUE(judge_cq(attr, kStandardFields));
    attr.wc_flags = kStandardFields;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
    attr.flags = IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
    EXPECT_TRUE(judge_cq(attr, kStandardFields));
}

TEST(JudgeCq, IgnoresFlagsThatDoNotCount) {
    ibv_cq_init_attr_ex attr{};
    attr.flags = ~0u;
    EXPECT_TRUE(judge_cq(attr, kStandardFields));
}

TEST(JudgeCq, RefusesWhatItDoesNotKnow) {
    ibv_cq_init_attr_ex attr{};
    attr.comp_mask = 1u << 7;
    EXPECT_EQ(judge_cq(attr, kStandardFields).error().code, EINVAL);
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD;
    EXPECT_EQ(judge_cq(attr, kStandardFields).error().code, EINVAL);
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
    attr.flags = IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN;
    EXPECT_EQ(judge_cq(attr, kStandardFields).error().code, EOPNOTSUPP);
    attr.flags = 0;
    attr.wc_flags = kStandardFields | IBV_WC_EX_WITH_CVLAN;
    const auto refused = judge_cq(attr, kStandardFields);
    EXPECT_EQ(refused.error().code, EOPNOTSUPP);
    EXPECT_NE(refused.error().phrase.find("256"), std::string::npos) << refused.error().phrase;
}

}  // namespace
