// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/reason.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <thread>

namespace reason = verbs::reason;

TEST(Reason, IsEmptyInAThreadWhereNothingFailed) {
    reason::set("of the main thread");
    std::string seen = "?";
    std::thread([&] { seen = reason::text(); }).join();
    EXPECT_EQ(seen, "");
}

TEST(Reason, KeepsTheLastText) {
    reason::set("first");
    reason::set("second");
    EXPECT_STREQ(reason::text(), "second");
}

TEST(Reason, CutsWhatIsTooLong) {
    reason::set(std::string(5000, 'x'));
    EXPECT_EQ(std::string(reason::text()), std::string(reason::kMaxBytes - 1, 'x'));
}

TEST(Reason, StaysOneLine) {
    reason::set("a\nlibverbs: error: forged\x1b[31m");
    EXPECT_STREQ(reason::text(), "a libverbs: error: forged [31m");
}

TEST(Reason, MaySetWhatItGave) {
    reason::set("passed on");
    reason::set(reason::text());
    EXPECT_STREQ(reason::text(), "passed on");
}

TEST(Reason, LeavesErrnoAlone) {
    errno = 77;
    reason::set("something");
    EXPECT_EQ(errno, 77);
}

TEST(Reason, WhatAProviderOffersIsKeptApart) {
    reason::set("the last failure");
    reason::offer("only offered");
    EXPECT_STREQ(reason::text(), "the last failure");
    EXPECT_EQ(reason::offered(), "only offered");
    reason::clear_offer();
    EXPECT_EQ(reason::offered(), "");
}
