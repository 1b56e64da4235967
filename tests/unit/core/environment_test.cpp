// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/environment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace environment = verbs::environment;
using Parts = std::vector<std::string>;

TEST(Environment, GivesAVariableOfAnOrdinaryProcess) {
    ::setenv("VERBS_TEST_VARIABLE", "value", 1);
    EXPECT_FALSE(environment::is_privileged());
    EXPECT_STREQ(environment::get("VERBS_TEST_VARIABLE"), "value");
}

TEST(Environment, GivesNothingForAnUnsetVariable) {
    EXPECT_EQ(environment::get("VERBS_TEST_UNSET"), nullptr);
}

TEST(Environment, SplitsAListInOrder) {
    EXPECT_EQ(environment::split("/b:/a", ':'), (Parts{"/b", "/a"}));
}

TEST(Environment, LeavesOutEmptyParts) {
    EXPECT_EQ(environment::split("::/a::/b:", ':'), (Parts{"/a", "/b"}));
    EXPECT_EQ(environment::split("", ':'), Parts{});
    EXPECT_EQ(environment::split(":", ':'), Parts{});
}
