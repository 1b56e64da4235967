// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The GID table: which index a GID has, and that readers never see half of a change.
#include "control/port.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace {

using namespace soft;

ibv_gid gid(uint8_t number) {
    ibv_gid gid{};
    std::ranges::fill(gid.raw, number);
    return gid;
}

bool is(const GidTable &table, int index, uint8_t number) {
    const ibv_gid own = table.at(index);
    return std::ranges::equal(own.raw, gid(number).raw);
}

TEST(GidTable, IsEmptyAtFirst) {
    const GidTable table;
    for (int i = 0; i < kGidTableLength; ++i)
        EXPECT_TRUE(is(table, i, 0));
    EXPECT_FALSE(table.contains(gid(1).raw));
    EXPECT_FALSE(table.contains(gid(0).raw)) << "an empty place is no GID";
}

TEST(GidTable, HoldsGidsInTheOrderInWhichTheyCame) {
    GidTable table;
    EXPECT_TRUE(table.update({gid(1), gid(2)}).any);
    EXPECT_TRUE(is(table, 0, 1));
    EXPECT_TRUE(is(table, 1, 2));
    EXPECT_TRUE(table.contains(gid(2).raw));
    EXPECT_FALSE(table.contains(gid(3).raw));
}

TEST(GidTable, KeepsTheIndexOfAGidAndLeavesTheOthersPlaceEmpty) {
    GidTable table;
    table.update({gid(1), gid(2), gid(3)});
    EXPECT_TRUE(table.update({gid(3), gid(2)}).any);
    EXPECT_TRUE(is(table, 0, 0));
    EXPECT_TRUE(is(table, 1, 2));
    EXPECT_TRUE(is(table, 2, 3));
    EXPECT_FALSE(table.contains(gid(1).raw));
}

TEST(GidTable, GivesAnEmptyPlaceToTheNextThatComes) {
    GidTable table;
    table.update({gid(1), gid(2)});
    table.update({gid(2)});
    table.update({gid(4), gid(5), gid(2)});
    EXPECT_TRUE(is(table, 0, 4));
    EXPECT_TRUE(is(table, 1, 2));
    EXPECT_TRUE(is(table, 2, 5));
}

TEST(GidTable, TellsWhenNothingChanged) {
    GidTable table;
    table.update({gid(1), gid(2)});
    EXPECT_FALSE(table.update({gid(2), gid(1)}).any);
}

TEST(GidTable, LeavesOutWhatItHasNoPlaceFor) {
    GidTable table;
    std::vector<ibv_gid> many;
    for (uint8_t i = 1; i <= kGidTableLength + 3; ++i)
        many.push_back(gid(i));
    EXPECT_EQ(table.update(many).left_out, 3u);
    EXPECT_TRUE(is(table, kGidTableLength - 1, kGidTableLength));
    EXPECT_FALSE(table.contains(gid(kGidTableLength + 1).raw));
}

TEST(GidTable, IsNeverSeenHalfChanged) {
    GidTable table;
    table.update({gid(1)});
    std::thread writer([&] {
        for (int i = 0; i < 20'000; ++i)
            table.update({gid(static_cast<uint8_t>(1 + i % 200))});
    });
    uint64_t torn = 0;
    for (int i = 0; i < 20'000; ++i) {
        const ibv_gid seen = table.at(0);
        torn += std::ranges::all_of(seen.raw, [&](uint8_t byte) { return byte == seen.raw[0]; })
                    ? 0
                    : 1;
        torn += seen.raw[0] == 0 ? 1 : 0;
    }
    writer.join();
    EXPECT_EQ(torn, 0u);
}

}  // namespace
