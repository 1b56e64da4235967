// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <cstddef>

static_assert(offsetof(ibv_qp_ex, wr_flush) == 352);  // rdma-core 65

namespace {

constexpr int kToFlush = IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT;

class FlushableRegion : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    [[nodiscard]] uint64_t start() const { return reinterpret_cast<uintptr_t>(memory_); }

    char memory_[64]{};
};

}  // namespace

TEST_F(FlushableRegion, IsARegionAsOthers) {
    errno = kUntouched;
    ibv_mr *mr = ibv_reg_mr(pd, memory_, sizeof memory_, IBV_ACCESS_LOCAL_WRITE | kToFlush);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, memory_);
    EXPECT_EQ(mr->length, sizeof memory_);
    EXPECT_EQ(last.mr_iova, start());
    EXPECT_EQ(last.mr_length, sizeof memory_);
    EXPECT_EQ(last.mr_access, IBV_ACCESS_LOCAL_WRITE | kToFlush);
    EXPECT_EQ(fake.calls_of("reg_mr"), 0);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(FlushableRegion, HasTheAddressThatItWasGiven) {
    ibv_mr *mr = ibv_reg_mr_iova(pd, memory_, sizeof memory_, start() + 4096, kToFlush);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(last.mr_iova, start() + 4096);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    mr = ibv_reg_mr_iova2(pd, memory_, sizeof memory_, start() + 8192,
                          kToFlush | IBV_ACCESS_RELAXED_ORDERING);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(last.mr_iova, start() + 8192);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(FlushableRegion, HasItsNameWithThoseThatAreNot) {
    ibv_mr *mr = ibv_reg_mr(pd, memory_, sizeof memory_, IBV_ACCESS_LOCAL_WRITE);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(fake.calls_of("reg_mr"), 1);
    EXPECT_EQ(fake.calls_of("reg_flushable_mr"), 0);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(FlushableRegion, IsNotMadeByTheCallOfTheStableLibrary) {
    EXPECT_EQ((ibv_reg_mr)(pd, memory_, sizeof memory_, kToFlush), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ((ibv_reg_mr_iova)(pd, memory_, sizeof memory_, start(), kToFlush), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(fake.calls_of("reg_mr"), 0);
    EXPECT_EQ(fake.calls_of("reg_flushable_mr"), 0);
}

TEST_F(FlushableRegion, TellsWhyThereIsNone) {
    const auto refusal = [&](ibv_pd *domain, void *addr, size_t length, int access) {
        errno = 0;
        EXPECT_EQ(ibv_reg_mr(domain, addr, length, access), nullptr);
        return errno;
    };
    EXPECT_EQ(refusal(nullptr, memory_, 8, kToFlush), EINVAL);
    EXPECT_EQ(refusal(pd, memory_, SIZE_MAX, kToFlush), EINVAL) << "wraps around";
    EXPECT_EQ(refusal(pd, memory_, 8, kToFlush | 1 << 10), EINVAL) << "unknown";
    EXPECT_EQ(refusal(pd, memory_, 8, kToFlush | IBV_ACCESS_REMOTE_WRITE), EINVAL)
        << "without local write";
    EXPECT_EQ(fake.calls_of("reg_flushable_mr"), 0);
    fail("reg_flushable_mr", EINVAL, "no file");
    EXPECT_EQ(refusal(pd, memory_, 8, kToFlush), EINVAL);
    EXPECT_STREQ(verbs_last_error(), "fake: reg_flushable_mr: no file");
    fail_nothing();
}

TEST_F(FlushableRegion, IsNotMadeAnewWithSuchRights) {
    ibv_mr *mr = ibv_reg_mr(pd, memory_, sizeof memory_, IBV_ACCESS_LOCAL_WRITE);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kToFlush),
              IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}
