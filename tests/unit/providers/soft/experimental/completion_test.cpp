// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loopback.hpp"

#include <time.h>

#include <array>

namespace soft_test {
namespace {

constexpr uint64_t kBothStamps =
    IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK;

uint64_t now_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// A completion as the device makes them.
ibv_wc completion(uint64_t wr_id, uint32_t qp_num = 1) {
    ibv_wc wc{};
    wc.wr_id = wr_id;
    wc.qp_num = qp_num;
    return wc;
}

class SoftCqEx : public Loopback {
protected:
    static soft::Cq &own(ibv_cq_ex *cq) {
        return *static_cast<soft::Cq *>(reinterpret_cast<ibv_cq *>(cq));
    }
    static void push(ibv_cq_ex *cq, uint64_t wr_id, uint32_t qp_num = 1) {
        soft::push_completion(own(cq), completion(wr_id, qp_num), false, nullptr);
    }
    ibv_poll_cq_attr nothing_{};
};

TEST_F(SoftCqEx, IsAPlainQueueForEveryOtherCall) {
    ibv_cq_ex *cq = create_cq(IBV_WC_STANDARD_FLAGS, 20);
    auto *plain = reinterpret_cast<ibv_cq *>(cq);
    EXPECT_EQ(cq->cqe, 20);
    push(cq, 7);
    ibv_wc wc{};
    EXPECT_EQ(context_.ops.poll_cq(plain, 1, &wc), 1);
    EXPECT_EQ(wc.wr_id, 7u);
    EXPECT_EQ(context_.ops.req_notify_cq(plain, 0), 0);
    EXPECT_TRUE(device_->resize_cq(plain, 40));
    EXPECT_EQ(cq->cqe, 40);
    EXPECT_TRUE(device_->destroy_cq(plain));
}

TEST_F(SoftCqEx, TellsWhenEachCompletionWasMade) {
    ibv_cq_ex *cq = create_cq(kBothStamps);
    const uint64_t before = now_ns(CLOCK_MONOTONIC);
    const uint64_t wall_before = now_ns(CLOCK_REALTIME);
    push(cq, 1);
    const uint64_t between = now_ns(CLOCK_MONOTONIC);
    push(cq, 2);
    const uint64_t after = now_ns(CLOCK_MONOTONIC);
    const uint64_t wall_after = now_ns(CLOCK_REALTIME);
    ASSERT_EQ(cq->start_poll(cq, &nothing_), 0);
    EXPECT_EQ(cq->wr_id, 1u);
    EXPECT_GE(cq->read_completion_ts(cq), before);
    EXPECT_LE(cq->read_completion_ts(cq), between);
    // Two clocks are read one after the other: what lies between the readings is the error.
    EXPECT_GE(cq->read_completion_wallclock_ns(cq) + 1'000'000'000, wall_before);
    EXPECT_LE(cq->read_completion_wallclock_ns(cq), wall_after + 1'000'000'000);
    ASSERT_EQ(cq->next_poll(cq), 0);
    EXPECT_EQ(cq->wr_id, 2u);
    EXPECT_GE(cq->read_completion_ts(cq), between);
    EXPECT_LE(cq->read_completion_ts(cq), after);
    EXPECT_EQ(cq->next_poll(cq), ENOENT);
    cq->end_poll(cq);
}

TEST_F(SoftCqEx, ReadsTheClockThatItStampsWith) {
    ibv_cq_ex *cq = create_cq(kBothStamps);
    const auto before = device_->query_rt_values_ex(IBV_VALUES_MASK_RAW_CLOCK);
    push(cq, 1);
    const auto after = device_->query_rt_values_ex(~0u);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(after->comp_mask, unsigned{IBV_VALUES_MASK_RAW_CLOCK});
    EXPECT_EQ(after->raw_clock.tv_sec, 0);
    ASSERT_EQ(cq->start_poll(cq, &nothing_), 0);
    EXPECT_GE(cq->read_completion_ts(cq), static_cast<uint64_t>(before->raw_clock.tv_nsec));
    EXPECT_LE(cq->read_completion_ts(cq), static_cast<uint64_t>(after->raw_clock.tv_nsec));
    cq->end_poll(cq);
}

TEST_F(SoftCqEx, KeepsStampsWithTheirCompletions) {
    ibv_cq_ex *cq = create_cq(IBV_WC_EX_WITH_COMPLETION_TIMESTAMP, 4);
    auto &ring = own(cq);
    // Around the end of the ring, with a queue pair that goes, and into another ring.
    push(cq, 1);
    push(cq, 2);
    push(cq, 3);
    ibv_wc wc{};
    ASSERT_EQ(context_.ops.poll_cq(&ring, 1, &wc), 1);
    push(cq, 4, 99);
    push(cq, 5);
    std::array<uint64_t, 8> stamp_of{};
    for (uint32_t at = ring.head; at != ring.tail; ++at)
        stamp_of[ring.ring[at & 3].wr_id] = static_cast<uint64_t>(ring.beside[at & 3].made_at_ns);
    soft::forget_completions(ring, 99);
    ASSERT_TRUE(device_->resize_cq(&ring, 16));
    ASSERT_EQ(cq->start_poll(cq, &nothing_), 0);
    for (const uint64_t wr_id : {2, 3, 5}) {
        EXPECT_EQ(cq->wr_id, wr_id);
        EXPECT_EQ(cq->read_completion_ts(cq), stamp_of[wr_id]);
        EXPECT_EQ(cq->next_poll(cq), wr_id == 5 ? ENOENT : 0);
    }
    cq->end_poll(cq);
}

#ifdef VERBS_HAVE_TAG_MATCHING
TEST_F(SoftCqEx, KeepsTagsWithTheirCompletions) {
    ibv_cq_ex *cq = create_cq(IBV_WC_EX_WITH_TM_INFO, 4);
    EXPECT_EQ(cq->read_completion_ts, nullptr);
    soft::push_tagged(own(cq), completion(1), {7, 8}, false);
    push(cq, 2);
    soft::push_tagged(own(cq), completion(3, 99), {9, 10}, false);
    soft::push_tagged(own(cq), completion(4), {11, 12}, false);
    soft::forget_completions(own(cq), 99);
    ASSERT_TRUE(device_->resize_cq(&own(cq), 16));
    const std::array<ibv_wc_tm_info, 3> wanted = {{{7, 8}, {0, 0}, {11, 12}}};
    int code = cq->start_poll(cq, &nothing_);
    for (const ibv_wc_tm_info &one : wanted) {
        ASSERT_EQ(code, 0);
        ibv_wc_tm_info info{};
        cq->read_tm_info(cq, &info);
        EXPECT_EQ(info.tag, one.tag) << cq->wr_id;
        EXPECT_EQ(info.priv, one.priv);
        code = cq->next_poll(cq);
    }
    EXPECT_EQ(code, ENOENT);
    cq->end_poll(cq);
}
#endif

TEST_F(SoftCqEx, HasNoClockUnlessItIsAskedFor) {
    ibv_cq_ex *cq = create_cq(IBV_WC_STANDARD_FLAGS);
    EXPECT_EQ(cq->read_completion_ts, nullptr);
    EXPECT_EQ(cq->read_completion_wallclock_ns, nullptr);
    EXPECT_EQ(own(cq).beside, nullptr);
    ibv_cq_ex *one = create_cq(IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK);
    EXPECT_EQ(one->read_completion_ts, nullptr);
    EXPECT_NE(one->read_completion_wallclock_ns, nullptr);
}

TEST_F(SoftCqEx, RefusesWhatItCannotTell) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 4;
    attr.wc_flags = IBV_WC_EX_WITH_FLOW_TAG;
    EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EOPNOTSUPP);
    attr.wc_flags = 0;
    attr.cqe = UINT32_MAX;
    EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EINVAL);
    attr.cqe = 4;
    attr.comp_vector = 7;
    EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EINVAL);
}

}  // namespace
}  // namespace soft_test
