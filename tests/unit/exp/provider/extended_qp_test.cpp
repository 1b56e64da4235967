// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <verbs/extended_qp.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

// A sanitizer ends a program that asks for more memory than there is, unless it is told not to.
extern "C" {
__attribute__((visibility("default"))) const char *__asan_default_options();
__attribute__((visibility("default"))) const char *__tsan_default_options();
const char *__asan_default_options() {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options() {
    return "allocator_may_return_null=1";
}
}

namespace {

using namespace verbs::provider;

constexpr uint64_t kAll = ~uint64_t{0};

// A request as it was posted, with what its pieces had in them.
struct Posted {
    ibv_send_wr wr;
    std::vector<ibv_sge> sges;
    std::string inline_data;
};

struct FakeQp : ExtendedQp {
    std::vector<std::vector<Posted>> posts;
    int answer = 0;
};

int post(FakeQp &qp, ibv_send_wr *first, uint32_t count) noexcept {
    std::vector<Posted> list;
    for (const ibv_send_wr *wr = first; wr != nullptr; wr = wr->next) {
        Posted one{*wr, {}, ""};
        // Without pieces there is no list either.
        if (wr->num_sge != 0) one.sges.assign(wr->sg_list, wr->sg_list + wr->num_sge);
        if ((wr->send_flags & IBV_SEND_INLINE) != 0)
            for (const ibv_sge &sge : one.sges)
                one.inline_data.append(reinterpret_cast<const char *>(sge.addr), sge.length);
        list.push_back(one);
    }
    EXPECT_EQ(list.size(), count);
    qp.posts.push_back(std::move(list));
    return qp.answer;
}

ibv_qp_init_attr_ex request(ibv_qp_type type, uint64_t ops) {
    ibv_qp_init_attr_ex attr{};
    attr.qp_type = type;
    attr.cap = {4, 4, 3, 3, 16};
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    attr.send_ops_flags = ops;
    return attr;
}

class ExtendedQpTest : public testing::Test {
protected:
    ibv_qp_ex *make(ibv_qp_type type = IBV_QPT_RC, uint64_t ops = kAll) {
        EXPECT_TRUE((extend<FakeQp, post>(qp_, request(type, ops))));
        return extended_face(qp_);
    }
    // What the only call of post got.
    const std::vector<Posted> &posted() {
        EXPECT_EQ(qp_.posts.size(), 1u);
        static const std::vector<Posted> kNone;
        return qp_.posts.empty() ? kNone : qp_.posts.front();
    }
    FakeQp qp_;
    std::string text_ = "0123456789abcdefXYZ";
};

TEST_F(ExtendedQpTest, IsThePlainQpToo) {
    ibv_qp_ex *qp = make();
    EXPECT_EQ(reinterpret_cast<ibv_qp *>(qp), static_cast<ibv_qp *>(&qp_));
    qp_.qp_num = 9;
    EXPECT_EQ(qp->qp_base.qp_num, 9u);
}

TEST_F(ExtendedQpTest, HasNoFaceUnlessItWasMadeForIt) {
    EXPECT_EQ(extended_face(qp_), nullptr);
    EXPECT_NE(make(), nullptr);
}

TEST_F(ExtendedQpTest, IsNotMadeWithoutMemoryForItsRequests) {
    auto attr = request(IBV_QPT_RC, kAll);
    attr.cap.max_send_wr = attr.cap.max_send_sge = UINT32_MAX;
    const auto extended = extend<FakeQp, post>(qp_, attr);
    ASSERT_FALSE(extended);
    EXPECT_EQ(extended.error().code, ENOMEM);
    EXPECT_EQ(extended_face(qp_), nullptr);
}

TEST_F(ExtendedQpTest, HoldsNothingInAQueueWithoutRoom) {
    auto attr = request(IBV_QPT_RC, kAll);
    attr.cap = {};
    ASSERT_TRUE((extend<FakeQp, post>(qp_, attr)));
    ibv_qp_ex *qp = extended_face(qp_);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_sge(qp, 1, 2, 3);
    EXPECT_EQ(qp->wr_complete(qp), ENOMEM);
}

TEST_F(ExtendedQpTest, PostsWhatWasBuiltInOrderAndAtOnce) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    qp->wr_id = 1;
    qp->wr_send(qp);
    qp->wr_set_sge(qp, 5, 0x1000, 64);
    qp->wr_id = 2;
    qp->wr_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE;
    qp->wr_rdma_write_imm(qp, 77, 0x2000, 0xaabb);
    const std::array<ibv_sge, 3> list{{{0x10, 1, 6}, {0x20, 2, 7}, {0x30, 3, 8}}};
    qp->wr_set_sge_list(qp, list.size(), list.data());
    EXPECT_TRUE(qp_.posts.empty());
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 2u);
    const Posted &send = posted()[0];
    EXPECT_EQ(send.wr.wr_id, 1u);
    EXPECT_EQ(send.wr.opcode, IBV_WR_SEND);
    EXPECT_EQ(send.wr.send_flags, 0u);
    ASSERT_EQ(send.sges.size(), 1u);
    EXPECT_EQ(send.sges[0].addr, 0x1000u);
    EXPECT_EQ(send.sges[0].length, 64u);
    EXPECT_EQ(send.sges[0].lkey, 5u);
    const Posted &write = posted()[1];
    EXPECT_EQ(write.wr.wr_id, 2u);
    EXPECT_EQ(write.wr.opcode, IBV_WR_RDMA_WRITE_WITH_IMM);
    EXPECT_EQ(write.wr.send_flags, unsigned{IBV_SEND_SIGNALED | IBV_SEND_FENCE});
    EXPECT_EQ(write.wr.imm_data, 0xaabbu);
    EXPECT_EQ(write.wr.wr.rdma.rkey, 77u);
    EXPECT_EQ(write.wr.wr.rdma.remote_addr, 0x2000u);
    ASSERT_EQ(write.sges.size(), 3u);
    EXPECT_EQ(write.sges[2].addr, 0x30u);
    EXPECT_EQ(write.sges[2].lkey, 8u);
}

TEST_F(ExtendedQpTest, BuildsEachOperation) {
    ibv_qp_ex *qp = make();
    qp_.batch = WrBatch::create({16, 0, 1, 0, 16});
    ibv_mw mw{};
    const ibv_mw_bind_info bind{nullptr, 0x100, 32, 3};
    const uint64_t value = 0x1122334455667788;
    qp->wr_start(qp);
    qp->wr_send_imm(qp, 1);
    qp->wr_send_inv(qp, 2);
    qp->wr_rdma_write(qp, 3, 4);
    qp->wr_rdma_read(qp, 5, 6);
    qp->wr_atomic_cmp_swp(qp, 7, 8, 9, 10);
    qp->wr_atomic_fetch_add(qp, 11, 16, 12);
    qp->wr_bind_mw(qp, &mw, 13, &bind);
    qp->wr_local_inv(qp, 14);
    qp->wr_atomic_write(qp, 15, 24, &value);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 9u);
    const auto at = [&](std::size_t i) -> const ibv_send_wr & { return posted()[i].wr; };
    EXPECT_EQ(at(0).opcode, IBV_WR_SEND_WITH_IMM);
    EXPECT_EQ(at(0).imm_data, 1u);
    EXPECT_EQ(at(1).opcode, IBV_WR_SEND_WITH_INV);
    EXPECT_EQ(at(1).invalidate_rkey, 2u);
    EXPECT_EQ(at(2).opcode, IBV_WR_RDMA_WRITE);
    EXPECT_EQ(at(2).wr.rdma.rkey, 3u);
    EXPECT_EQ(at(3).opcode, IBV_WR_RDMA_READ);
    EXPECT_EQ(at(3).wr.rdma.remote_addr, 6u);
    EXPECT_EQ(at(4).opcode, IBV_WR_ATOMIC_CMP_AND_SWP);
    EXPECT_EQ(at(4).wr.atomic.rkey, 7u);
    EXPECT_EQ(at(4).wr.atomic.remote_addr, 8u);
    EXPECT_EQ(at(4).wr.atomic.compare_add, 9u);
    EXPECT_EQ(at(4).wr.atomic.swap, 10u);
    EXPECT_EQ(at(5).opcode, IBV_WR_ATOMIC_FETCH_AND_ADD);
    EXPECT_EQ(at(5).wr.atomic.compare_add, 12u);
    EXPECT_EQ(at(6).opcode, IBV_WR_BIND_MW);
    EXPECT_EQ(at(6).bind_mw.mw, &mw);
    EXPECT_EQ(at(6).bind_mw.rkey, 13u);
    EXPECT_EQ(at(6).bind_mw.bind_info.length, 32u);
    EXPECT_EQ(at(7).opcode, IBV_WR_LOCAL_INV);
    EXPECT_EQ(at(7).invalidate_rkey, 14u);
    EXPECT_EQ(at(8).opcode, IBV_WR_ATOMIC_WRITE);
    EXPECT_EQ(at(8).wr.rdma.remote_addr, 24u);
    EXPECT_EQ(posted()[8].inline_data,
              std::string(reinterpret_cast<const char *>(&value), sizeof value));
}

TEST_F(ExtendedQpTest, BuildsFlushes) {
    ibv_qp_ex *qp = make();
    constexpr uint8_t kBoth = IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT;
    qp->wr_start(qp);
    qp->wr_id = 1;
    qp->wr_flush(qp, 7, 0x1000, 0xffff'ffff, IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
    qp->wr_set_sge(qp, 1, 2, 3);
    qp->wr_flush(qp, 8, 0x2000, SIZE_MAX, kBoth, IBV_FLUSH_MR);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 2u);
    Flush flush{};
    EXPECT_EQ(posted()[0].wr.opcode, IBV_WR_FLUSH);
    EXPECT_EQ(posted()[0].wr.wr_id, 1u);
    ASSERT_TRUE(take_flush(posted()[0].wr, flush));
    EXPECT_EQ(flush.address, 0x1000u);
    EXPECT_EQ(flush.length, 0xffff'ffffu);
    EXPECT_EQ(flush.rkey, 7u);
    EXPECT_EQ(flush.type, IBV_FLUSH_GLOBAL);
    EXPECT_EQ(flush.level, IBV_FLUSH_RANGE);
    ASSERT_TRUE(take_flush(posted()[1].wr, flush));
    EXPECT_EQ(flush.length, 0u) << "there is none";
    EXPECT_EQ(flush.rkey, 8u);
    EXPECT_EQ(flush.type, kBoth);
    EXPECT_EQ(flush.level, IBV_FLUSH_MR);
}

TEST_F(ExtendedQpTest, RefusesFlushesOfKindsThatThereAreNot) {
    ibv_qp_ex *qp = make();
    const auto refusal = [&](size_t length, uint8_t type, uint8_t level) {
        qp->wr_start(qp);
        qp->wr_flush(qp, 7, 0x1000, length, type, level);
        return qp->wr_complete(qp);
    };
    EXPECT_EQ(refusal(8, 0, IBV_FLUSH_RANGE), EINVAL);
    EXPECT_EQ(refusal(8, 4, IBV_FLUSH_RANGE), EINVAL);
    EXPECT_EQ(refusal(8, IBV_FLUSH_GLOBAL, 2), EINVAL);
    EXPECT_EQ(refusal(1ull << 32, IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE), EINVAL);
    EXPECT_TRUE(qp_.posts.empty());
    EXPECT_EQ(refusal(8, IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE), 0);
}

// A list of the program's has no place for what it asks for.
TEST_F(ExtendedQpTest, TellsAFlushThatWasBuiltFromAnother) {
    ibv_mw window{};
    ibv_send_wr wr{};
    wr.opcode = IBV_WR_FLUSH;
    Flush flush{};
    EXPECT_FALSE(take_flush(wr, flush));
    wr.bind_mw.mw = &window;
    EXPECT_FALSE(take_flush(wr, flush));
}

TEST_F(ExtendedQpTest, CopiesInlineDataAtOnce) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_inline_data(qp, text_.data(), 16);
    qp->wr_rdma_write(qp, 1, 2);
    const std::array<ibv_data_buf, 3> list{{{&text_[0], 3}, {nullptr, 0}, {&text_[10], 2}}};
    qp->wr_set_inline_data_list(qp, list.size(), list.data());
    text_.assign(text_.size(), '-');
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 2u);
    EXPECT_EQ(posted()[0].inline_data, "0123456789abcdef");
    EXPECT_EQ(posted()[1].inline_data, "012ab");
}

TEST_F(ExtendedQpTest, RefusesMoreInlineDataThanWasAgreed) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_inline_data(qp, text_.data(), 17);
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
    const std::array<ibv_data_buf, 2> list{{{text_.data(), 16}, {text_.data(), SIZE_MAX}}};
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_inline_data_list(qp, list.size(), list.data());
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
    EXPECT_TRUE(qp_.posts.empty());
}

TEST_F(ExtendedQpTest, RefusesMorePiecesThanWereAgreed) {
    ibv_qp_ex *qp = make();
    const std::array<ibv_sge, 4> list{};
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_sge_list(qp, list.size(), list.data());
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
    EXPECT_TRUE(qp_.posts.empty());
}

TEST_F(ExtendedQpTest, HoldsAsManyRequestsAsTheQueueAndNotOneMore) {
    ibv_qp_ex *qp = make();
    for (const uint64_t count : {4, 5, 9}) {
        qp_.posts.clear();
        qp->wr_start(qp);
        for (uint64_t i = 0; i < count; ++i) {
            qp->wr_id = i;
            qp->wr_send(qp);
            qp->wr_set_inline_data(qp, text_.data(), 16);
        }
        EXPECT_EQ(qp->wr_complete(qp), count == 4 ? 0 : ENOMEM);
        EXPECT_EQ(qp_.posts.size(), count == 4 ? 1u : 0u);
        if (count == 4) {
            EXPECT_EQ(posted()[3].wr.wr_id, 3u);
        }
    }
}

TEST_F(ExtendedQpTest, ReportsTheFirstErrorAndForgetsItAfterwards) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    for (int i = 0; i < 5; ++i)
        qp->wr_send(qp);
    qp->wr_set_inline_data(qp, text_.data(), 17);
    EXPECT_EQ(qp->wr_complete(qp), ENOMEM);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_inline_data(qp, text_.data(), 17);
    for (int i = 0; i < 5; ++i)
        qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
    qp->wr_start(qp);
    qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), 0);
}

TEST_F(ExtendedQpTest, PostsNothingThatWasAborted) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    qp->wr_id = 1;
    qp->wr_send(qp);
    qp->wr_abort(qp);
    qp->wr_start(qp);
    qp->wr_id = 2;
    qp->wr_send(qp);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 1u);
    EXPECT_EQ(posted()[0].wr.wr_id, 2u);
}

TEST_F(ExtendedQpTest, DoesNotPostAnEmptyBatch) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    EXPECT_EQ(qp->wr_complete(qp), 0);
    EXPECT_TRUE(qp_.posts.empty());
}

TEST_F(ExtendedQpTest, GivesBackWhyNothingWasPosted) {
    ibv_qp_ex *qp = make();
    qp_.answer = EMSGSIZE;
    qp->wr_start(qp);
    qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), EMSGSIZE);
}

TEST_F(ExtendedQpTest, TakesSettersInAnyOrder) {
    ibv_qp_ex *qp = make(IBV_QPT_UD);
    auto *ah = reinterpret_cast<ibv_ah *>(0x40);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_ud_addr(qp, ah, 3, 4);
    qp->wr_set_sge(qp, 1, 2, 3);
    qp->wr_send_imm(qp, 9);
    qp->wr_set_inline_data(qp, text_.data(), 2);
    qp->wr_set_ud_addr(qp, ah, 5, 6);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    ASSERT_EQ(posted().size(), 2u);
    EXPECT_EQ(posted()[0].wr.wr.ud.ah, ah);
    EXPECT_EQ(posted()[0].wr.wr.ud.remote_qpn, 3u);
    EXPECT_EQ(posted()[0].wr.wr.ud.remote_qkey, 4u);
    EXPECT_EQ(posted()[0].sges.size(), 1u);
    EXPECT_EQ(posted()[1].wr.wr.ud.remote_qpn, 5u);
    EXPECT_EQ(posted()[1].inline_data, "01");
    EXPECT_EQ(posted()[1].wr.imm_data, 9u);
}

TEST_F(ExtendedQpTest, HasNoAddressFromAnEarlierRequest) {
    ibv_qp_ex *qp = make(IBV_QPT_UD);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_ud_addr(qp, reinterpret_cast<ibv_ah *>(0x40), 3, 4);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    qp_.posts.clear();
    qp->wr_start(qp);
    qp->wr_send(qp);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    EXPECT_EQ(posted()[0].wr.wr.ud.ah, nullptr);
}

TEST_F(ExtendedQpTest, TellsEveryRequestOfXrcItsQueueAndNoneThatOfAnEarlierOne) {
    ibv_qp_ex *qp = make(IBV_QPT_XRC_SEND);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_set_xrc_srqn(qp, 7);
    qp->wr_rdma_read(qp, 1, 2);
    qp->wr_set_xrc_srqn(qp, 8);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    EXPECT_EQ(posted()[0].wr.qp_type.xrc.remote_srqn, 7u);
    EXPECT_EQ(posted()[1].wr.qp_type.xrc.remote_srqn, 8u);
    qp_.posts.clear();
    qp->wr_start(qp);
    qp->wr_send(qp);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    EXPECT_EQ(posted()[0].wr.qp_type.xrc.remote_srqn, 0u);
}

TEST_F(ExtendedQpTest, TakesTheLastDataThatARequestIsGiven) {
    ibv_qp_ex *qp = make();
    qp->wr_start(qp);
    qp->wr_flags = IBV_SEND_INLINE;  // no flag of a program's
    qp->wr_send(qp);
    qp->wr_set_inline_data(qp, text_.data(), 2);
    qp->wr_set_sge(qp, 1, 2, 3);
    ASSERT_EQ(qp->wr_complete(qp), 0);
    EXPECT_EQ(posted()[0].wr.send_flags, 0u);
    ASSERT_EQ(posted()[0].sges.size(), 1u);
    EXPECT_EQ(posted()[0].sges[0].lkey, 1u);
}

TEST_F(ExtendedQpTest, RefusesSettersWithoutARequestOrThatItCannotHave) {
    ibv_qp_ex *qp = make();
    ibv_mw mw{};
    const ibv_mw_bind_info bind{};
    const auto fails = [&](auto &&build) {
        qp->wr_start(qp);
        build();
        return qp->wr_complete(qp);
    };
    EXPECT_EQ(fails([&] { qp->wr_set_sge(qp, 1, 2, 3); }), EINVAL);
    EXPECT_EQ(fails([&] { qp->wr_set_inline_data(qp, text_.data(), 1); }), EINVAL);
    EXPECT_EQ(fails([&] {
                  qp->wr_rdma_read(qp, 1, 2);
                  qp->wr_set_inline_data(qp, text_.data(), 1);
              }),
              EINVAL);
    EXPECT_EQ(fails([&] {
                  qp->wr_local_inv(qp, 1);
                  qp->wr_set_sge(qp, 1, 2, 3);
              }),
              EINVAL);
    EXPECT_EQ(fails([&] {
                  qp->wr_bind_mw(qp, &mw, 1, &bind);
                  qp->wr_set_sge(qp, 1, 2, 3);
              }),
              EINVAL);
    EXPECT_TRUE(qp_.posts.empty());
}

TEST_F(ExtendedQpTest, HasOnlyWhatItWasMadeFor) {
    ibv_qp_ex *qp = make(IBV_QPT_RC, IBV_QP_EX_WITH_RDMA_READ);
    EXPECT_NE(qp->wr_rdma_read, nullptr);
    EXPECT_NE(qp->wr_set_sge, nullptr);
    EXPECT_EQ(qp->wr_send, nullptr);
    EXPECT_EQ(qp->wr_rdma_write, nullptr);
    EXPECT_EQ(qp->wr_bind_mw, nullptr);
    EXPECT_EQ(qp->wr_send_tso, nullptr);
    EXPECT_EQ(qp->wr_set_ud_addr, nullptr);
    EXPECT_EQ(qp->wr_set_xrc_srqn, nullptr);
}

TEST_F(ExtendedQpTest, IsBuiltByOneThreadAtATime) {
    ibv_qp_ex *qp = make();
    constexpr int kBatches = 500;
    const auto build = [&](uint64_t own) {
        for (int i = 0; i < kBatches; ++i) {
            qp->wr_start(qp);
            qp->wr_id = own;
            qp->wr_send(qp);
            std::this_thread::yield();
            qp->wr_send(qp);
            EXPECT_EQ(qp->wr_complete(qp), 0);
        }
    };
    std::thread other(build, 1);
    build(2);
    other.join();
    ASSERT_EQ(qp_.posts.size(), 2u * kBatches);
    for (const auto &batch : qp_.posts) {
        ASSERT_EQ(batch.size(), 2u);
        EXPECT_EQ(batch[0].wr.wr_id, batch[1].wr.wr_id);
    }
}

class JudgeQp : public testing::Test {
protected:
    static constexpr uint64_t kOps = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE;
    JudgeQp() { attr_.pd = &pd_; }
    int refusal() const {
        const auto judged = judge_qp(attr_, kOps);
        return judged ? 0 : judged.error().code;
    }
    ibv_pd pd_{};
    ibv_qp_init_attr_ex attr_ = request(IBV_QPT_RC, kOps);
};

TEST_F(JudgeQp, TakesWhatTheDeviceHas) {
    EXPECT_EQ(refusal(), 0);
    attr_.comp_mask |= IBV_QP_INIT_ATTR_CREATE_FLAGS;
    EXPECT_EQ(refusal(), 0);
    attr_.comp_mask = IBV_QP_INIT_ATTR_PD;
    attr_.send_ops_flags = kAll;  // does not count
    EXPECT_EQ(refusal(), 0);
}

TEST_F(JudgeQp, NeedsAProtectionDomain) {
    attr_.comp_mask &= ~unsigned{IBV_QP_INIT_ATTR_PD};
    EXPECT_EQ(refusal(), EINVAL);
    attr_.comp_mask |= IBV_QP_INIT_ATTR_PD;
    attr_.pd = nullptr;
    EXPECT_EQ(refusal(), EINVAL);
}

TEST_F(JudgeQp, RefusesWhatTheDeviceLacks) {
    attr_.send_ops_flags = kOps | IBV_QP_EX_WITH_TSO;
    EXPECT_EQ(refusal(), EOPNOTSUPP);
    attr_.send_ops_flags = kOps;
    attr_.qp_type = IBV_QPT_UD;  // cannot write
    EXPECT_EQ(refusal(), EOPNOTSUPP);
    attr_.qp_type = IBV_QPT_RAW_PACKET;
    EXPECT_EQ(refusal(), EOPNOTSUPP);
}

TEST_F(JudgeQp, RefusesFlagsAndMembersThatItDoesNotKnow) {
    attr_.comp_mask |= IBV_QP_INIT_ATTR_CREATE_FLAGS;
    attr_.create_flags = IBV_QP_CREATE_SCATTER_FCS;
    EXPECT_EQ(refusal(), EOPNOTSUPP);
    for (const unsigned bit :
         {unsigned{IBV_QP_INIT_ATTR_XRCD}, unsigned{IBV_QP_INIT_ATTR_RX_HASH},
          unsigned{IBV_QP_INIT_ATTR_IND_TABLE}, unsigned{IBV_QP_INIT_ATTR_MAX_TSO_HEADER}}) {
        attr_.comp_mask = IBV_QP_INIT_ATTR_PD | bit;
        EXPECT_EQ(refusal(), EOPNOTSUPP) << bit;
    }
    attr_.comp_mask = IBV_QP_INIT_ATTR_PD | 1u << 20;
    EXPECT_EQ(refusal(), EINVAL);
}

}  // namespace
