// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A name that has graduated, as a program gets it that is linked with both libraries today.
#include "extended_device.hpp"

#include <dlfcn.h>

using ExtendedQuery = verbs_test::ExtendedDevice;

TEST_F(ExtendedQuery, IsTheStableLibrarysForAProgramThatIsLinkedNow) {
    void *const stable = ::dlvsym(RTLD_DEFAULT, "ibv_query_device_ex", "VERBS_1.1");
    ASSERT_NE(stable, nullptr) << ::dlerror();
    EXPECT_EQ(reinterpret_cast<void *>(&ibv_query_device_ex), stable);
}
