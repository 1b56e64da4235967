// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The level is read once per process, so each test here is a process of its own: a death test that
// ends well and shows what it wrote to stderr.
#include "core/log.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>

using verbs::log::Level;

namespace {

class LogDeathTest : public testing::Test {
protected:
    // Afresh, so that no thread or lock of the test program is in it.
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void with_level(const char *level, void (*act)()) {
    if (level == nullptr)
        ::unsetenv("VERBS_LOG");
    else
        ::setenv("VERBS_LOG", level, 1);
    act();
    std::_Exit(0);
}

}  // namespace

TEST(Log, KnowsTheNamesOfItsLevels) {
    EXPECT_EQ(verbs::log::parse_level("off"), Level::off);
    EXPECT_EQ(verbs::log::parse_level("error"), Level::error);
    EXPECT_EQ(verbs::log::parse_level("debug"), Level::debug);
    EXPECT_EQ(verbs::log::parse_level("DEBUG"), std::nullopt);
    EXPECT_EQ(verbs::log::parse_level(""), std::nullopt);
}

TEST_F(LogDeathTest, IsSilentUnlessAsked) {
    EXPECT_EXIT(with_level(nullptr, [] { VERBS_LOG(error, "who", "text"); }),
                testing::ExitedWithCode(0), "^$");
}

TEST_F(LogDeathTest, IsSilentForALevelItDoesNotKnow) {
    EXPECT_EXIT(with_level("loud", [] { VERBS_LOG(error, "who", "text"); }),
                testing::ExitedWithCode(0), "^$");
}

TEST_F(LogDeathTest, WritesALineWithLevelAndOrigin) {
    EXPECT_EXIT(with_level("warn", [] { VERBS_LOG(warn, "loader", "%s is %d", "it", 7); }),
                testing::ExitedWithCode(0), "^libverbs: warn: loader: it is 7\n$");
}

TEST_F(LogDeathTest, LeavesOutWhatIsBelowTheLevel) {
    EXPECT_EXIT(with_level("warn", [] { VERBS_LOG(info, "who", "text"); }),
                testing::ExitedWithCode(0), "^$");
}

TEST_F(LogDeathTest, KeepsALineOneLine) {
    EXPECT_EXIT(with_level("error", [] { verbs::log::line(Level::error, "who", "a\nb"); }),
                testing::ExitedWithCode(0), "^libverbs: error: who: a b\n$");
}

TEST_F(LogDeathTest, CutsALongLineAndEndsIt) {
    EXPECT_EXIT(
        with_level("error", [] { verbs::log::line(Level::error, "who", std::string(5000, 'x')); }),
        testing::ExitedWithCode(0), "xxx\n$");
}

TEST_F(LogDeathTest, LeavesErrnoAlone) {
    EXPECT_EXIT(with_level("error",
                           [] {
                               errno = 77;
                               VERBS_LOG(error, "who", "text");
                               if (errno != 77) std::_Exit(1);
                           }),
                testing::ExitedWithCode(0), "text");
}
