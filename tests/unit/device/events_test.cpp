// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/events.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <thread>
#include <vector>

using verbs::device::EventBook;
using Kind = EventBook::Kind;

namespace {
const int kOne = 1;
const int kOther = 2;
}  // namespace

TEST(EventBook, CountsWhatIsTakenByKind) {
    EventBook book;
    book.open(&kOne);
    EXPECT_TRUE(book.take(&kOne, Kind::completion));
    EXPECT_TRUE(book.take(&kOne, Kind::completion));
    EXPECT_TRUE(book.take(&kOne, Kind::async));
    const auto taken = book.close(&kOne);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->completion, 2u);
    EXPECT_EQ(taken->async, 1u);
}

TEST(EventBook, HandsOutNothingForAnObjectThatIsGone) {
    EventBook book;
    book.open(&kOne);
    EXPECT_FALSE(book.take(&kOther, Kind::async));
    EXPECT_FALSE(book.take(nullptr, Kind::async));
    EXPECT_TRUE(book.close(&kOne));
    EXPECT_FALSE(book.take(&kOne, Kind::async));
    EXPECT_FALSE(book.close(&kOne));
}

TEST(EventBook, TellsAnObjectFromALaterOneAtTheSameAddress) {
    EventBook book;
    book.open(&kOne);
    const auto first = book.before_destroying();
    std::thread([&] { (void)book.close(&kOne); }).join();  // unseen by this thread
    book.open(&kOne);
    book.forget(&kOne, first);
    EXPECT_TRUE(book.take(&kOne, Kind::async));
    const auto second = book.before_destroying();
    book.forget(&kOne, second);
    EXPECT_FALSE(book.take(&kOne, Kind::async));
}

TEST(EventBook, ForgetsNothingOfALaterObjectOnceThisThreadHasClosedTheFirst) {
    EventBook book;
    book.open(&kOne);
    const auto first = book.before_destroying();
    (void)book.close(&kOne);
    book.open(&kOne);
    book.forget(&kOne, first);
    EXPECT_TRUE(book.take(&kOne, Kind::async));
}

TEST(EventBook, StartsALaterObjectAtZero) {
    EventBook book;
    book.open(&kOne);
    EXPECT_TRUE(book.take(&kOne, Kind::async));
    book.open(&kOne);
    EXPECT_EQ(book.close(&kOne)->async, 0u);
}

TEST(EventBook, KeepsEveryAccountWhileOthersComeAndGo) {
    constexpr std::size_t kObjects = 1000;
    const std::vector<std::max_align_t> objects(kObjects);
    EventBook book;
    for (const auto &object : objects)
        book.open(&object);
    for (std::size_t i = 0; i < kObjects; i += 3)
        EXPECT_TRUE(book.close(&objects[i]));
    for (std::size_t i = 0; i < kObjects; ++i)
        EXPECT_EQ(book.take(&objects[i], Kind::async), i % 3 != 0) << i;
    for (std::size_t i = 0; i < kObjects; i += 3)
        book.open(&objects[i]);
    for (std::size_t i = 0; i < kObjects; ++i) {
        const auto taken = book.close(&objects[i]);
        ASSERT_TRUE(taken) << i;
        EXPECT_EQ(taken->async, i % 3 == 0 ? 0u : 1u) << i;
    }
}
