// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

using NullMr = verbs_test::ExtendedDevice;

TEST_F(NullMr, IsAStableMrAsWell) {
    errno = kUntouched;
    ibv_mr *mr = ibv_alloc_null_mr(pd);
    ASSERT_NE(mr, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(mr->context, context);
    EXPECT_EQ(mr->pd, pd);
    EXPECT_EQ(mr->addr, nullptr);
    EXPECT_EQ(mr->length, SIZE_MAX);
    EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

TEST_F(NullMr, TellsWhyThereIsNone) {
    {
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    EXPECT_EQ(ibv_alloc_null_mr(nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(fake.calls_of("alloc_null_mr"), 0);
    fail("alloc_null_mr", EOPNOTSUPP, "no such keys");
    EXPECT_EQ(ibv_alloc_null_mr(pd), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: alloc_null_mr: no such keys");
    fail_nothing();
}
