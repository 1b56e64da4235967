// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class DmaHandle : public verbs_test::ExtendedDevice {
protected:
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_alloc_dmah(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
    }
    ibv_dmah_init_attr attr{IBV_DMAH_INIT_ATTR_MASK_CPU_ID | IBV_DMAH_INIT_ATTR_MASK_PH |
                                IBV_DMAH_INIT_ATTR_MASK_TPH_MEM_TYPE,
                            5, 3, IBV_TPH_MEM_TYPE_PM};
};

}  // namespace

TEST_F(DmaHandle, IsMadeAndEndedByTheProvider) {
    errno = kUntouched;
    ibv_dmah *dmah = ibv_alloc_dmah(context, &attr);
    ASSERT_NE(dmah, nullptr) << verbs_last_error();
    EXPECT_EQ(dmah->context, context);
    EXPECT_EQ(last.hints.comp_mask, attr.comp_mask);
    EXPECT_EQ(last.hints.cpu_id, 5u);
    EXPECT_EQ(last.hints.ph, 3);
    EXPECT_EQ(last.hints.tph_mem_type, IBV_TPH_MEM_TYPE_PM);
    EXPECT_EQ(ibv_dealloc_dmah(dmah), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(fake.calls_of("dealloc_dmah"), 1);
}

TEST_F(DmaHandle, HasTheHintsThatTheMaskNames) {
    attr.comp_mask = 0;
    attr.ph = 99;
    ibv_dmah *dmah = ibv_alloc_dmah(context, &attr);
    ASSERT_NE(dmah, nullptr) << verbs_last_error();
    EXPECT_EQ(last.hints.cpu_id, 0u);
    EXPECT_EQ(last.hints.ph, 0);
    EXPECT_EQ(last.hints.tph_mem_type, IBV_TPH_MEM_TYPE_VM);
    EXPECT_EQ(ibv_dealloc_dmah(dmah), 0);
}

TEST_F(DmaHandle, IsRefusedWithTheUnknown) {
    attr.ph = 4;
    expect_refusal(EINVAL, "ph has two bits");
    attr.ph = 0;
    attr.tph_mem_type = 2;
    expect_refusal(EINVAL, "memory is volatile or persistent");
    attr.comp_mask = 8;
    expect_refusal(EINVAL, "unknown bits in comp_mask");
    EXPECT_EQ(ibv_alloc_dmah(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_dmah(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_dealloc_dmah(nullptr), EINVAL);
    EXPECT_EQ(fake.calls_of("alloc_dmah"), 0);
}

TEST_F(DmaHandle, TellsWhyTheProviderRefused) {
    fail("alloc_dmah", EPERM, "not a processor of yours");
    expect_refusal(EPERM, "fake: alloc_dmah: not a processor of yours");
    fail_nothing();
    ibv_dmah *dmah = ibv_alloc_dmah(context, &attr);
    ASSERT_NE(dmah, nullptr) << verbs_last_error();
    fail("dealloc_dmah", EBUSY, "a region has it");
    EXPECT_EQ(ibv_dealloc_dmah(dmah), EBUSY);
    fail_nothing();
    EXPECT_EQ(ibv_dealloc_dmah(dmah), 0);
}
