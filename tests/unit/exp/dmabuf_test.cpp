// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class DmaBufRegion : public verbs_test::ExtendedDevice {
protected:
    void expect_refusal(uint64_t offset, size_t length, uint64_t iova, int access,
                        const char *reason) {
        EXPECT_EQ(ibv_reg_dmabuf_mr(pd, offset, length, iova, 7, access), nullptr);
        EXPECT_EQ(errno, EINVAL);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("reg_dmabuf_mr"), 0);
    }
};

}  // namespace

TEST_F(DmaBufRegion, IsAStableRegionAsWell) {
    errno = kUntouched;
    ibv_mr *mr = ibv_reg_dmabuf_mr(pd, 0x1010, 100, 0x5010, 7, IBV_ACCESS_LOCAL_WRITE);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(last.dmabuf_offset, 0x1010u);
    EXPECT_EQ(last.dmabuf_length, 100u);
    EXPECT_EQ(last.dmabuf_iova, 0x5010u);
    EXPECT_EQ(last.dmabuf_fd, 7);
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, reinterpret_cast<void *>(0x1010));
    EXPECT_EQ(mr->length, 100u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(DmaBufRegion, HasFewerRightsToAskFor) {
    expect_refusal(0, 100, 0, IBV_ACCESS_ON_DEMAND, "unknown access flags");
    expect_refusal(0, 100, 0, IBV_ACCESS_MW_BIND, "unknown access flags");
    expect_refusal(0, 100, 0, IBV_ACCESS_REMOTE_WRITE,
                   "remote write and atomic access need local write access");
}

TEST_F(DmaBufRegion, IsInOneRangeAtTheSamePlaceInAPage) {
    expect_refusal(0, 0, 0, 0, "a region of no bytes");
    expect_refusal(~uint64_t{0}, 2, ~uint64_t{0}, 0, "the range wraps around");
    expect_refusal(0, 100, 0x10, 0, "offset and iova are not at the same place in a page");
}

TEST_F(DmaBufRegion, TellsWhyTheProviderRefused) {
    fail("reg_dmabuf_mr", EBADF, "no dma-buf");
    EXPECT_EQ(ibv_reg_dmabuf_mr(pd, 0, 100, 0, -1, 0), nullptr);
    EXPECT_EQ(errno, EBADF);
    EXPECT_STREQ(verbs_last_error(), "fake: reg_dmabuf_mr: no dma-buf");
    EXPECT_EQ(ibv_reg_dmabuf_mr(nullptr, 0, 100, 0, -1, 0), nullptr);
    EXPECT_EQ(errno, EINVAL);
}
