// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {

class MrApi : public verbs_test::OpenFakeDevice {
protected:
    void SetUp() override {
        OpenFakeDevice::SetUp();
        mr = ibv_reg_mr(pd, memory, sizeof memory, IBV_ACCESS_LOCAL_WRITE);
        ASSERT_NE(mr, nullptr);
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_dereg_mr(mr), 0);
        OpenFakeDevice::TearDown();
    }
    void expect_refused(int access) {
        errno = 0;
        EXPECT_EQ(ibv_reg_mr(pd, memory, sizeof memory, access), nullptr) << access;
        EXPECT_EQ(errno, EINVAL) << access;
    }

    char memory[128] = {};
    ibv_mr *mr = nullptr;
};

}  // namespace

TEST_F(MrApi, HoldsWhatItWasMadeWith) {
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, memory);
    EXPECT_EQ(mr->length, sizeof memory);
    EXPECT_EQ(fake.last_iova, reinterpret_cast<std::uintptr_t>(memory));
}

TEST_F(MrApi, HasTheAddressTheCallerChose) {
    ibv_mr *other = ibv_reg_mr_iova(pd, memory, sizeof memory, 0x1000, 0);
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(fake.last_iova, 0x1000u);
    EXPECT_EQ(other->addr, memory);
    EXPECT_EQ(ibv_dereg_mr(other), 0);
}

TEST_F(MrApi, RefusesFlagsItDoesNotKnow) {
    expect_refused(1 << 8);
    expect_refused(1 << 30);
    expect_refused(INT32_MIN);
}

TEST_F(MrApi, LetsWishesPass) {
    ibv_mr *other = ibv_reg_mr(pd, memory, sizeof memory, IBV_ACCESS_RELAXED_ORDERING | (1 << 29));
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(ibv_dereg_mr(other), 0);
}

TEST_F(MrApi, RefusesRemoteChangesWithoutLocalWrite) {
    expect_refused(IBV_ACCESS_REMOTE_WRITE);
    expect_refused(IBV_ACCESS_REMOTE_ATOMIC);
}

TEST_F(MrApi, RefusesARangeThatWrapsAround) {
    EXPECT_EQ(ibv_reg_mr(pd, memory, SIZE_MAX, 0), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(MrApi, ChangesItsMemberWhenItIsChanged) {
    EXPECT_EQ(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory + 8, 16, 0), 0);
    EXPECT_EQ(mr->addr, memory + 8);
    EXPECT_EQ(mr->length, 16u);
    EXPECT_EQ(mr->pd, pd);
    ibv_pd *other = ibv_alloc_pd(context);
    EXPECT_EQ(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, other, nullptr, 0, 0), 0);
    EXPECT_EQ(mr->pd, other);
    EXPECT_EQ(ibv_dealloc_pd(other), 0);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(MrApi, TellsAnInputErrorFromADeviceError) {
    const auto rereg = [this](int flags, ibv_pd *to, void *addr, size_t length, int access) {
        errno = 0;
        return ibv_rereg_mr(mr, flags, to, addr, length, access);
    };
    EXPECT_EQ(rereg(0, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(rereg(1 << 3, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_PD, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, memory, 0, 0),
              IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, nullptr, 8, 0),
              IBV_REREG_MR_ERR_INPUT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, IBV_ACCESS_REMOTE_WRITE),
              IBV_REREG_MR_ERR_INPUT);
    fail("rereg_mr", EFAULT);
    EXPECT_EQ(rereg(IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_CMD);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_EQ(mr->addr, memory);
    EXPECT_EQ(ibv_rereg_mr(nullptr, 1, nullptr, nullptr, 0, 0), IBV_REREG_MR_ERR_INPUT);
}
