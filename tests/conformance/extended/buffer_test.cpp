// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Buffers that the library allocates: ibv_alloc_buf(3).
#include "extended_pair.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#ifndef VERBS_HAVE_ALLOC_BUF
// Older headers of the system do not have them yet; the library under test does.
struct ibv_buf;
extern "C" {
void *ibv_alloc_buf(ibv_pd *pd, size_t size, ibv_buf **buf);
void ibv_free_buf(ibv_buf *buf);
ibv_mr *ibv_reg_buf_mr(ibv_pd *pd, ibv_buf *buf, void *addr, size_t length, int access);
}
#endif

namespace {

using namespace verbs_test;

constexpr size_t kBytes = 100'000;

class AllocatedBuffer : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        pair_ = std::make_unique<ExtendedPair>(
            context(),
            PairOptions{.send_ops = IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_READ});
        start_ = static_cast<uint8_t *>(ibv_alloc_buf(pair_->pd(), kBytes, &buf_));
        ASSERT_NE(start_, nullptr);
    }
    void TearDown() override {
        ibv_free_buf(buf_);
        pair_.reset();
        DeviceTest::TearDown();
    }
    Mr reg(size_t offset, size_t length) {
        return Mr(ibv_reg_buf_mr(pair_->pd(), buf_, start_ + offset, length,
                                 IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                                     IBV_ACCESS_REMOTE_READ));
    }

    std::unique_ptr<ExtendedPair> pair_;
    ibv_buf *buf_ = nullptr;
    uint8_t *start_ = nullptr;
};

}  // namespace

TEST_F(AllocatedBuffer, IsWholePagesOfZeros) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(start_) % 4096, 0u);
    EXPECT_TRUE(std::all_of(start_, start_ + kBytes, [](uint8_t byte) { return byte == 0; }));
}

TEST_F(AllocatedBuffer, IsWrittenAndReadByRdma) {
    constexpr uint32_t kLength = 20'000;
    const Mr mr = reg(4096, 2 * kLength);
    ASSERT_TRUE(mr);
    std::fill_n(pair_->from(), kLength, uint8_t{0x11});
    const uint64_t place = reinterpret_cast<uint64_t>(start_ + 4096);
    const Seen written =
        pair_->request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, mr->rkey, place); },
                       {pair_->address(pair_->from()), kLength, pair_->lkey()});
    EXPECT_TRUE(went_well(written, 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(std::all_of(start_ + 4096, start_ + 4096 + kLength,
                            [](uint8_t byte) { return byte == 0x11; }));
    EXPECT_EQ(start_[4096 + kLength], 0);
    start_[4096] = 0x22;
    const Seen read = pair_->request([&](ibv_qp_ex *qp) { ibv_wr_rdma_read(qp, mr->rkey, place); },
                                     {pair_->address(pair_->into()), kLength, pair_->lkey()}, 2);
    EXPECT_TRUE(went_well(read, 2, IBV_WC_RDMA_READ));
    EXPECT_EQ(pair_->into()[0], 0x22);
    EXPECT_EQ(pair_->into()[kLength - 1], 0x11);
}

TEST_F(AllocatedBuffer, HasNoRegionBeyondItsEnd) {
    errno = 0;
    EXPECT_FALSE(reg(4096, kBytes));
    EXPECT_EQ(errno, EINVAL);
    EXPECT_TRUE(reg(kBytes - 1, 1));
}

TEST_F(AllocatedBuffer, IsRefusedWithoutASize) {
    ibv_buf *none = nullptr;
    errno = 0;
    EXPECT_EQ(ibv_alloc_buf(pair_->pd(), 0, &none), nullptr);
    EXPECT_EQ(errno, EINVAL);
    ibv_free_buf(none);
}

TEST_F(AllocatedBuffer, CanBeHadAgainAndAgain) {
    for (int i = 0; i < 600; ++i) {
        ibv_buf *buf = nullptr;
        auto *const start = static_cast<uint8_t *>(ibv_alloc_buf(pair_->pd(), 8192, &buf));
        ASSERT_NE(start, nullptr) << i;
        ASSERT_EQ(start[8191], 0) << i;
        start[8191] = 1;
        ibv_mr *const mr = ibv_reg_buf_mr(pair_->pd(), buf, start, 8192,
                                          IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
        ASSERT_NE(mr, nullptr) << i;
        ASSERT_EQ(ibv_dereg_mr(mr), 0);
        ibv_free_buf(buf);
    }
}
