// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class DeviceMemory : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        {
            const std::lock_guard guard(fake.lock);
            fake.calls.clear();
        }
        attr.length = 100;
        dm = ibv_alloc_dm(context, &attr);
        ASSERT_NE(dm, nullptr) << verbs_last_error();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_free_dm(dm), 0);
        ExtendedDevice::TearDown();
    }
    void expect_no_region(unsigned access, int code, const char *reason) {
        EXPECT_EQ(ibv_reg_dm_mr(pd, dm, 0, 8, access), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("reg_dm_mr"), 0);
    }

    ibv_alloc_dm_attr attr{};
    ibv_dm *dm = nullptr;
};

}  // namespace

TEST_F(DeviceMemory, IsOfTheContext) {
    EXPECT_EQ(dm->context, context);
    EXPECT_EQ(last.dm_length, 100u);
}

TEST_F(DeviceMemory, IsRefusedWithTheUnknown) {
    attr.comp_mask = 1;
    EXPECT_EQ(ibv_alloc_dm(context, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_dm(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_alloc_dm(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_free_dm(nullptr), EINVAL);
    EXPECT_EQ(fake.calls_of("alloc_dm"), 1);
}

TEST_F(DeviceMemory, HasRegionsThatAreStableOnes) {
    errno = kUntouched;
    ibv_mr *mr = ibv_reg_dm_mr(pd, dm, 4, 8, IBV_ACCESS_ZERO_BASED | IBV_ACCESS_LOCAL_WRITE);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(last.dm_offset, 4u);
    EXPECT_EQ(last.dm_length, 8u);
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, nullptr);
    EXPECT_EQ(mr->length, 8u);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(DeviceMemory, HasRegionsWithAddressesFromZeroOnly) {
    expect_no_region(IBV_ACCESS_LOCAL_WRITE, EINVAL,
                     "regions of device memory need IBV_ACCESS_ZERO_BASED");
    expect_no_region(IBV_ACCESS_ZERO_BASED | IBV_ACCESS_REMOTE_ATOMIC, EINVAL,
                     "remote write and atomic access need local write access");
    expect_no_region(IBV_ACCESS_ZERO_BASED | 1u << 31, EINVAL, "unknown access flags");
    ibv_dm foreign{};
    EXPECT_EQ(ibv_reg_dm_mr(pd, &foreign, 0, 8, IBV_ACCESS_ZERO_BASED), nullptr);
    EXPECT_STREQ(verbs_last_error(), "dm belongs to another open device");
    EXPECT_EQ(ibv_reg_dm_mr(pd, nullptr, 0, 8, IBV_ACCESS_ZERO_BASED), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_reg_dm_mr(nullptr, dm, 0, 8, IBV_ACCESS_ZERO_BASED), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(DeviceMemory, TellsWhyTheProviderRefused) {
    fail("free_dm", EBUSY, "in use");
    EXPECT_EQ(ibv_free_dm(dm), EBUSY);
    EXPECT_STREQ(verbs_last_error(), "fake: free_dm: in use");
    fail("reg_dm_mr", EINVAL, "outside");
    EXPECT_EQ(ibv_reg_dm_mr(pd, dm, 0, 8, IBV_ACCESS_ZERO_BASED), nullptr);
    EXPECT_STREQ(verbs_last_error(), "fake: reg_dm_mr: outside");
    fail_nothing();
}
