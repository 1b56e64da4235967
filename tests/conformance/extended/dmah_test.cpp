// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// DMA handles where a device has none: ibv_alloc_dmah(3), ibv_reg_mr_ex(3).
#include "extended_pair.hpp"

#include <cerrno>

#ifndef VERBS_HAVE_DMAH
// Older headers of the system do not have them yet; the library under test does.
struct ibv_dmah {
    ibv_context *context;
};
struct ibv_dmah_init_attr {
    uint32_t comp_mask;
    uint32_t cpu_id;
    uint8_t ph;
    uint8_t tph_mem_type;
};
struct ibv_mr_init_attr {
    size_t length;
    int access;
    uint64_t comp_mask;
    uint64_t iova;
    void *addr;
    int fd;
    uint64_t fd_offset;
    ibv_dmah *dmah;
    struct ibv_buf *buf;
};
enum { IBV_REG_MR_MASK_ADDR = 1 << 1, IBV_REG_MR_MASK_DMAH = 1 << 4 };
enum { IBV_DMAH_INIT_ATTR_MASK_PH = 1 << 1 };
extern "C" {
ibv_dmah *ibv_alloc_dmah(ibv_context *context, ibv_dmah_init_attr *attr);
int ibv_dealloc_dmah(ibv_dmah *dmah);
ibv_mr *ibv_reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *attr);
}
#endif

namespace {

using namespace verbs_test;

class LackingDmaHandles : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_lack_of("DMA handles");
        errno = 0;
    }
};

TEST_F(LackingDmaHandles, RefusesToMakeAndToEndOne) {
    ibv_dmah_init_attr attr{};
    EXPECT_EQ(ibv_alloc_dmah(context(), &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    attr.comp_mask = IBV_DMAH_INIT_ATTR_MASK_PH;
    attr.ph = 1;
    errno = 0;
    EXPECT_EQ(ibv_alloc_dmah(context(), &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    ibv_dmah of_nobody{context()};
    EXPECT_EQ(ibv_dealloc_dmah(&of_nobody), EOPNOTSUPP);
}

TEST_F(LackingDmaHandles, RefusesRegionsWithOne) {
    const ExtendedPair pair(context());
    ibv_dmah of_nobody{context()};
    ibv_mr_init_attr attr{};
    attr.length = 64;
    attr.access = IBV_ACCESS_LOCAL_WRITE;
    attr.addr = pair.from();
    attr.dmah = &of_nobody;
    attr.comp_mask = IBV_REG_MR_MASK_ADDR | IBV_REG_MR_MASK_DMAH;
    errno = 0;
    EXPECT_EQ(ibv_reg_mr_ex(pair.pd(), &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    attr.comp_mask = IBV_REG_MR_MASK_ADDR;
    const Mr without(ibv_reg_mr_ex(pair.pd(), &attr));
    EXPECT_TRUE(without);
}

}  // namespace
