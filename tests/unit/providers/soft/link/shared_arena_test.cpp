// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "link/shared_arena.hpp"

#include "link/shared_files.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace soft {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kFile = SharedArena::kFileBytes;

class SharedArenaTest : public testing::Test {
protected:
    char *take(std::size_t size) {
        const auto start = arena_.take(size);
        EXPECT_TRUE(start) << start.error().phrase;
        return start ? static_cast<char *>(*start) : nullptr;
    }
    SharedArena arena_;
};

TEST_F(SharedArenaTest, GivesPagesSideBySide) {
    char *const first = take(1);
    char *const second = take(kPage + 1);
    char *const third = take(kPage);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % kPage, 0u);
    EXPECT_EQ(second, first + kPage);
    EXPECT_EQ(third, second + 2 * kPage);
}

TEST_F(SharedArenaTest, TakesThePlaceOfWhatWasGivenBackWithZeros) {
    char *const first = take(2 * kPage);
    take(kPage);
    std::memset(first, 0x55, 2 * kPage);
    arena_.give(first, 2 * kPage);
    char *const again = take(2 * kPage);
    EXPECT_EQ(again, first);
    EXPECT_EQ(again[0], 0);
    EXPECT_EQ(again[2 * kPage - 1], 0);
}

TEST_F(SharedArenaTest, JoinsWhatWasGivenBackInAnyOrder) {
    static constexpr int kOrders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (const auto &order : kOrders) {
        char *const parts[] = {take(kPage), take(kPage), take(kPage)};
        char *const end = take(kPage);
        for (const int i : order)
            arena_.give(parts[i], kPage);
        EXPECT_EQ(take(3 * kPage), parts[0]);
        arena_.give(parts[0], 3 * kPage);
        arena_.give(end, kPage);
    }
    char *const all = take(kFile);
    arena_.give(all, kFile);
    EXPECT_EQ(take(kPage), all) << "all of the first file is one piece again";
}

TEST_F(SharedArenaTest, MakesAnotherFileWhereOneIsTooSmall) {
    char *const small = take(kPage);
    char *const large = take(kFile + 1);
    large[kFile] = 1;
    arena_.give(large, kFile + 1);
    EXPECT_EQ(take(kFile + 1), large);
    EXPECT_EQ(take(kPage), small + kPage);
}

TEST_F(SharedArenaTest, RefusesSizesThatNothingHas) {
    EXPECT_EQ(arena_.take(0).error().code, EINVAL);
    EXPECT_EQ(arena_.take(SIZE_MAX).error().code, EINVAL);
    EXPECT_FALSE(arena_.take(SIZE_MAX / 4));  // by whichever number the system has for it
}

TEST_F(SharedArenaTest, LeavesAloneWhatIsNotItsOwn) {
    char *const mine = take(kPage);
    mine[0] = 1;
    char other[16] = {};
    arena_.give(other, sizeof other);
    arena_.give(nullptr, kPage);
    arena_.give(mine, 0);
    EXPECT_EQ(mine[0], 1);
    EXPECT_EQ(take(kPage), mine + kPage);
}

// What the whole is for. Allocating again and again does not use files up.
TEST_F(SharedArenaTest, IsMemoryThatPeersCanMap) {
    SharedFiles files;
    char *const first = take(kPage);
    const FilePlace place = files.find(first, kPage);
    EXPECT_NE(place.file, 0u);
    arena_.give(first, kPage);
    for (int i = 0; i < 300; ++i) {
        char *const start = take(2 * kPage);
        start[0] = 1;
        const FilePlace found = files.find(start, 2 * kPage);
        EXPECT_EQ(found.file, place.file);
        EXPECT_EQ(found.offset, place.offset + static_cast<uint64_t>(start - first));
        arena_.give(start, 2 * kPage);
    }
}

}  // namespace
}  // namespace soft
