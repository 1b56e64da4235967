// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class RegionByAttributes : public verbs_test::ExtendedDevice {
protected:
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_reg_mr_ex(pd, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
    }
    char memory[64] = {};
    ibv_mr_init_attr attr{
        sizeof memory, IBV_ACCESS_LOCAL_WRITE, 0, 0x5000, memory, 7, 0x1000, nullptr, nullptr};
};

}  // namespace

TEST_F(RegionByAttributes, IsOfAnAddress) {
    attr.comp_mask = IBV_REG_MR_MASK_ADDR;
    errno = kUntouched;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mr->addr, memory);
    EXPECT_EQ(mr->length, sizeof memory);
    EXPECT_EQ(fake.last_iova, reinterpret_cast<uintptr_t>(memory));
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(RegionByAttributes, IsWhereTheDeviceIsToSeeIt) {
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_IOVA;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(fake.last_iova, 0x5000u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(RegionByAttributes, IsOfADmaBuf) {
    attr.comp_mask = IBV_REG_MR_MASK_FD;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(last.dmabuf_fd, 7);
    EXPECT_EQ(last.dmabuf_offset, 0u);
    EXPECT_EQ(last.dmabuf_iova, 0u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    attr.comp_mask |= IBV_REG_MR_MASK_FD_OFFSET;
    ASSERT_NE(mr = ibv_reg_mr_ex(pd, &attr), nullptr) << verbs_last_error();
    EXPECT_EQ(last.dmabuf_offset, 0x1000u);
    EXPECT_EQ(last.dmabuf_iova, 0x1000u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    attr.comp_mask |= IBV_REG_MR_MASK_IOVA;
    ASSERT_NE(mr = ibv_reg_mr_ex(pd, &attr), nullptr) << verbs_last_error();
    EXPECT_EQ(last.dmabuf_iova, 0x5000u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(RegionByAttributes, IsOfABuffer) {
    attr.addr = ibv_alloc_buf(pd, sizeof memory, &attr.buf);
    ASSERT_NE(attr.addr, nullptr) << verbs_last_error();
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_BUF;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(mr->addr, attr.addr);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    attr.comp_mask |= IBV_REG_MR_MASK_IOVA;
    expect_refusal(EINVAL, "of a buffer addr alone says which part it is");
    attr.comp_mask = IBV_REG_MR_MASK_FD | IBV_REG_MR_MASK_BUF;
    expect_refusal(EINVAL, "of a buffer addr alone says which part it is");
    ibv_free_buf(attr.buf);
}

TEST_F(RegionByAttributes, IsOfOneKindOfMemory) {
    expect_refusal(EINVAL, "either addr or fd says which memory it is");
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_FD;
    expect_refusal(EINVAL, "either addr or fd says which memory it is");
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_FD_OFFSET;
    expect_refusal(EINVAL, "fd_offset is of no descriptor");
}

TEST_F(RegionByAttributes, HasADmaHandle) {
    ibv_dmah dmah{context};
    attr.dmah = &dmah;
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_DMAH;
    errno = kUntouched;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(last.region.dmah, &dmah);
    EXPECT_EQ(last.region.addr, memory);
    EXPECT_EQ(last.region.iova, reinterpret_cast<uintptr_t>(memory));
    EXPECT_EQ(last.region.length, sizeof memory);
    EXPECT_EQ(last.region.access, IBV_ACCESS_LOCAL_WRITE);
    EXPECT_EQ(last.region.fd, -1);
    EXPECT_EQ(last.region.fd_offset, 0u);
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, memory);
    EXPECT_EQ(mr->length, sizeof memory);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(RegionByAttributes, OfADmaBufHasADmaHandle) {
    ibv_dmah dmah{context};
    attr.dmah = &dmah;
    attr.comp_mask = IBV_REG_MR_MASK_FD | IBV_REG_MR_MASK_FD_OFFSET | IBV_REG_MR_MASK_DMAH;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(last.region.fd, 7);
    EXPECT_EQ(last.region.fd_offset, 0x1000u);
    EXPECT_EQ(last.region.iova, 0x1000u);
    EXPECT_EQ(last.region.addr, nullptr);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    attr.comp_mask |= IBV_REG_MR_MASK_IOVA;
    ASSERT_NE(mr = ibv_reg_mr_ex(pd, &attr), nullptr) << verbs_last_error();
    EXPECT_EQ(last.region.iova, 0x5000u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(RegionByAttributes, OfABufferHasADmaHandle) {
    ibv_dmah dmah{context};
    attr.dmah = &dmah;
    attr.addr = ibv_alloc_buf(pd, sizeof memory, &attr.buf);
    ASSERT_NE(attr.addr, nullptr) << verbs_last_error();
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_BUF | IBV_REG_MR_MASK_DMAH;
    ibv_mr *mr = ibv_reg_mr_ex(pd, &attr);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(last.region.comp_mask, uint64_t{IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_DMAH});
    EXPECT_EQ(last.region.addr, attr.addr);
    EXPECT_EQ(last.region.buf, nullptr);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
    ++attr.length;
    expect_refusal(EINVAL, "not all of the region is inside of the buffer");
    ibv_free_buf(attr.buf);
}

TEST_F(RegionByAttributes, WithADmaHandleIsRefusedWhereTheDeviceHasNone) {
    ibv_dmah dmah{context};
    attr.dmah = &dmah;
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_DMAH;
    fail("reg_mr_ex", EOPNOTSUPP, "no bus");
    expect_refusal(EOPNOTSUPP, "fake: reg_mr_ex: no bus");
    attr.dmah = nullptr;
    expect_refusal(EINVAL, "dmah is NULL");
}

TEST_F(RegionByAttributes, IsRefusedWithTheUnknown) {
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | 1u << 6;
    expect_refusal(EINVAL, "unknown bits in comp_mask");
    EXPECT_EQ(ibv_reg_mr_ex(pd, nullptr), nullptr);
    EXPECT_EQ(ibv_reg_mr_ex(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(RegionByAttributes, TellsWhyTheProviderRefused) {
    attr.comp_mask = IBV_REG_MR_MASK_ADDR;
    fail("reg_mr", ENOMEM, "no room");
    expect_refusal(ENOMEM, "fake: reg_mr: no room");
    attr.comp_mask = IBV_REG_MR_MASK_FD;
    fail("reg_dmabuf_mr", EBADF, "no dma-buf");
    expect_refusal(EBADF, "fake: reg_dmabuf_mr: no dma-buf");
}
