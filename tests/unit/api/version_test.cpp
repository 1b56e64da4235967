// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

TEST(Version, IsThatOfTheHeaders) {
    EXPECT_EQ(verbs_version(), std::to_string(VERBS_VERSION_MAJOR) + "." +
                                   std::to_string(VERBS_VERSION_MINOR) + "." +
                                   std::to_string(VERBS_VERSION_PATCH));
}
