// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class WindowType2 : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
};

}  // namespace

TEST_F(WindowType2, IsAStableWindowAsWell) {
    errno = kUntouched;
    ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
    ASSERT_NE(mw, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mw->context, context);
    EXPECT_EQ(mw->pd, pd);
    EXPECT_EQ(mw->type, IBV_MW_TYPE_2);
    EXPECT_EQ(fake.calls_of("alloc_mw"), 0);
    EXPECT_EQ(ibv_dealloc_mw(mw), 0);
}

TEST_F(WindowType2, HasItsNameWithThoseOfType1) {
    ibv_mw *mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
    ASSERT_NE(mw, nullptr) << verbs_last_error();
    EXPECT_EQ(mw->type, IBV_MW_TYPE_1);
    EXPECT_EQ(fake.calls_of("alloc_mw"), 1);
    EXPECT_EQ(fake.calls_of("alloc_mw_type_2"), 0);
    EXPECT_EQ(ibv_dealloc_mw(mw), 0);
}

// What the stable half says to it is the device's to decide.
TEST_F(WindowType2, IsNotMadeByTheCallOfTheStableLibrary) {
    ibv_mw *mw = (ibv_alloc_mw)(pd, IBV_MW_TYPE_2);
    EXPECT_EQ(fake.calls_of("alloc_mw_type_2"), 0);
    EXPECT_EQ(fake.calls_of("alloc_mw"), 1);
    if (mw != nullptr) {
        EXPECT_EQ(ibv_dealloc_mw(mw), 0);
    }
}

TEST_F(WindowType2, TellsWhyThereIsNone) {
    EXPECT_EQ(ibv_alloc_mw(nullptr, IBV_MW_TYPE_2), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(fake.calls_of("alloc_mw_type_2"), 0);
    fail("alloc_mw_type_2", ENOMEM, "no more of them");
    EXPECT_EQ(ibv_alloc_mw(pd, IBV_MW_TYPE_2), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_STREQ(verbs_last_error(), "fake: alloc_mw_type_2: no more of them");
    fail_nothing();
}

TEST_F(WindowType2, TellsWhyThereIsNoneOfType1) {
    fail("alloc_mw", EOPNOTSUPP, "no windows");
    EXPECT_EQ(ibv_alloc_mw(pd, IBV_MW_TYPE_1), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: alloc_mw: no windows");
    fail_nothing();
}
