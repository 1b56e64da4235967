// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/tags.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace soft_test {
namespace {

using soft::TagBuffer;
using soft::TagList;

TagBuffer &add(TagList &list, uint64_t wr_id, uint64_t tag = 1, uint64_t mask = ~uint64_t{0}) {
    TagBuffer &buffer = list.add();
    buffer.wr_id = wr_id;
    buffer.tag = tag;
    buffer.mask = mask;
    return buffer;
}

// The buffer that a message finds, which is free again then; 0: none.
uint64_t take(TagList &list, uint64_t tag = 1) {
    TagBuffer *const buffer = list.match(tag);
    if (buffer == nullptr) return 0;
    list.release(*buffer);
    return buffer->wr_id;
}

TEST(SoftTagList, GivesOutEachPlaceOnceAndThenIsFull) {
    for (const uint32_t capacity : {1u, 3u, 4u}) {
        TagList list(capacity);
        std::set<uint32_t> handles;
        for (uint32_t i = 0; i < capacity; ++i) {
            ASSERT_FALSE(list.is_full());
            handles.insert(add(list, i + 1).handle);
        }
        EXPECT_TRUE(list.is_full());
        EXPECT_EQ(handles.size(), capacity);
    }
}

TEST(SoftTagList, FindsBuffersByTheHandlesOfAnyOfTheirUses) {
    TagList list(3);
    TagBuffer &buffer = add(list, 1);
    const uint32_t old = buffer.handle;
    list.remove(buffer);
    EXPECT_EQ(list.find(old), &buffer);
    EXPECT_EQ(add(list, 2).handle, buffer.handle) << "the place that was free last";
    EXPECT_NE(buffer.handle, old);
    EXPECT_EQ(list.find(buffer.handle), &buffer);
    EXPECT_EQ(list.find(3), nullptr) << "three places need two bits, and the fourth is none";
    EXPECT_EQ(list.find(7), nullptr);
}

TEST(SoftTagList, KeepsItsHandlesApartWhenTheirCountComesRound) {
    TagList list(3);
    TagBuffer &buffer = add(list, 1);
    list.remove(buffer);
    buffer.handle |= ~uint32_t{3};  // as after a billion uses
    EXPECT_EQ(list.find(add(list, 2).handle), &buffer);
    EXPECT_LT(buffer.handle, 4u);
}

TEST(SoftTagList, IsEmptyAgainAfterWhatWasInIt) {
    TagList list(2);
    EXPECT_EQ(take(list), 0u);
    for (int i = 0; i < 3; ++i) {
        add(list, 1);
        add(list, 2);
        EXPECT_EQ(take(list), 1u);
        EXPECT_EQ(take(list), 2u);
        EXPECT_EQ(take(list), 0u);
        EXPECT_FALSE(list.has_awake());
    }
}

TEST(SoftTagList, LetsThoseSleepThatComeBehindAnUnexpectedMessage) {
    TagList list(4);
    add(list, 1, 8);
    EXPECT_FALSE(list.is_behind());
    list.count_unexpected();
    EXPECT_TRUE(list.is_behind());
    add(list, 2);
    add(list, 3);
    EXPECT_TRUE(list.has_awake());
    EXPECT_EQ(take(list), 0u);
    EXPECT_EQ(take(list, 8), 1u);
    EXPECT_FALSE(list.has_awake());
    list.note_handled(1);
    EXPECT_EQ(take(list), 2u);
    EXPECT_EQ(take(list), 3u);
}

TEST(SoftTagList, LetsThemSleepAlthoughTheFirstOfThemLeaves) {
    TagList list(4);
    list.count_unexpected();
    TagBuffer &first = add(list, 1);
    TagBuffer &second = add(list, 2);
    list.remove(first);
    EXPECT_EQ(take(list), 0u);
    list.remove(second);
    add(list, 3);
    EXPECT_EQ(take(list), 0u);
    list.note_handled(1);
    EXPECT_EQ(take(list), 3u);
}

TEST(SoftTagList, WakesThemWhenTheMessageDidNotGetThrough) {
    TagList list(2);
    list.count_unexpected();
    add(list, 1);
    list.discount_unexpected();
    EXPECT_FALSE(list.is_behind());
    EXPECT_EQ(take(list), 1u);
}

TEST(SoftTagList, CountsAcrossTheEndOfThirtyTwoBits) {
    TagList list(2);
    list.note_handled(~uint32_t{0});
    EXPECT_TRUE(list.is_behind());
    list.discount_unexpected();  // which makes the other ~0 as well
    EXPECT_FALSE(list.is_behind());
    list.count_unexpected();
    EXPECT_TRUE(list.is_behind());
    list.note_handled(0);
    EXPECT_FALSE(list.is_behind());
}

}  // namespace
}  // namespace soft_test
