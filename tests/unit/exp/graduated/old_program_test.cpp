// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A program that was linked with libverbs-exp.so.0 when ibv_query_device_ex was in it, and runs
// with the libraries of today.
#include "../extended_device.hpp"

#include <dlfcn.h>

using OldProgram = verbs_test::ExtendedDevice;

TEST_F(OldProgram, FindsTheNameWhereItWasLinked) {
    void *const before = ::dlvsym(RTLD_DEFAULT, "ibv_query_device_ex", "VERBS_EXP_0");
    ASSERT_NE(before, nullptr) << ::dlerror();
    EXPECT_EQ(reinterpret_cast<void *>(&ibv_query_device_ex), before);
}

TEST_F(OldProgram, GetsTheAnswersThatTheStableLibraryGives) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context, nullptr, &attr), 0);
    EXPECT_EQ(attr.orig_attr.max_qp, 4711);
    EXPECT_EQ(attr.hca_core_clock, 1000u);
    EXPECT_EQ(errno, kUntouched);
    fail("query_device_ex", EIO, "the device is on fire");
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, &attr), EIO);
    EXPECT_EQ(ibv_query_device_ex(nullptr, nullptr, &attr), EINVAL);
    EXPECT_EQ(ibv_query_device_ex(context, nullptr, nullptr), EINVAL);
}
