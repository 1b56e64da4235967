// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// QP numbers, and finding the process behind one.
#include "link/qp_numbers.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace {

using namespace soft;

// Numbers are handed out for a QP's address, nothing of it is looked at.
Qp &qp(std::size_t i) {
    return *reinterpret_cast<Qp *>(0x1000 + i * 0x100);
}

const auto kIgnore = [](int) {};

TEST(QpNumbers, AreFoundAgainUntilReleased) {
    QpNumbers numbers;
    const auto number = numbers.claim(qp(1), kIgnore);
    ASSERT_TRUE(number.has_value()) << number.error().phrase;
    EXPECT_EQ(numbers.find(*number), &qp(1));
    numbers.release(*number);
    EXPECT_EQ(numbers.find(*number), nullptr);
}

TEST(QpNumbers, AreDistinctAndFitTwentyFourBitsOverSeveralBlocks) {
    QpNumbers numbers;
    std::set<uint32_t> seen;
    int listeners = 0;
    for (std::size_t i = 0; i < 10'000; ++i) {
        const auto number = numbers.claim(qp(i), [&](int) { ++listeners; });
        ASSERT_TRUE(number.has_value());
        ASSERT_LT(*number, 1u << 24);
        ASSERT_GT(*number, 1u);
        ASSERT_TRUE(seen.insert(*number).second);
    }
    EXPECT_EQ(listeners, 3);
}

TEST(QpNumbers, DoNotComeBackAtOnce) {
    QpNumbers numbers;
    const auto first = numbers.claim(qp(1), kIgnore);
    numbers.release(*first);
    const auto second = numbers.claim(qp(1), kIgnore);
    EXPECT_NE(*first, *second);
}

TEST(QpNumbers, AreNeverSharedByTwoProcesses) {
    QpNumbers ours;
    QpNumbers theirs;
    const auto one = ours.claim(qp(1), kIgnore);
    const auto other = theirs.claim(qp(1), kIgnore);
    ASSERT_TRUE(one.has_value() && other.has_value());
    EXPECT_NE(block_of(*one), block_of(*other));
}

TEST(QpNumbers, LeadToTheirProcess) {
    QpNumbers numbers;
    const auto number = numbers.claim(qp(1), kIgnore);
    const auto socket = connect_to_block(block_of(*number));
    ASSERT_TRUE(socket.has_value()) << socket.error().phrase;
    EXPECT_TRUE(socket->is_open());
}

TEST(QpNumbers, ThatNobodyHasLeadNowhere) {
    uint32_t block = 0;
    {
        QpNumbers numbers;
        const auto number = numbers.claim(qp(1), kIgnore);
        block = block_of(*number);
    }
    const auto socket = connect_to_block(block);
    ASSERT_FALSE(socket.has_value());
    EXPECT_EQ(socket.error().code, ECONNREFUSED);
}

}  // namespace
