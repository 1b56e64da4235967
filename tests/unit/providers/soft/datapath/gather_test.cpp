// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Scatter and gather lists.
#include "datapath/gather.hpp"

#include "link/own_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>

namespace {

using namespace soft;

class Lists : public testing::Test {
protected:
    void SetUp() override {
        auto made = MrTable::create();
        ASSERT_TRUE(made.has_value());
        table = std::make_unique<MrTable>(std::move(*made));
        const auto entered =
            table->enter({1, reinterpret_cast<uintptr_t>(memory), sizeof memory,
                          reinterpret_cast<uintptr_t>(memory), IBV_ACCESS_LOCAL_WRITE});
        ASSERT_TRUE(entered.has_value());
        key = *entered;
    }
    ibv_sge sge(std::size_t at, uint32_t length) {
        return {reinterpret_cast<uintptr_t>(memory) + at, length, key};
    }
    bool build(std::initializer_list<ibv_sge> sges, uint64_t length) {
        return list.build(table->home(), care, 1, IBV_ACCESS_LOCAL_WRITE, sges.begin(),
                          static_cast<uint32_t>(sges.size()), length);
    }
    std::unique_ptr<MrTable> table;
    uint32_t key = 0;
    char memory[64] = {};
    soft::OwnMemory care;
    MemoryList list;
};

// Of a region that is paged on demand: two pages, of which the second one goes.
class ListsWithMissingPages : public Lists {
protected:
    static constexpr std::size_t kPage = 4096;

    void SetUp() override {
        Lists::SetUp();
        pages = static_cast<char *>(
            ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        ASSERT_NE(pages, MAP_FAILED);
        const auto start = reinterpret_cast<uintptr_t>(pages);
        auto entered = table->enter(
            {1, start, 2 * kPage, start, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ON_DEMAND});
        ASSERT_TRUE(entered.has_value());
        key = *entered;
        ASSERT_EQ(::mprotect(pages + kPage, kPage, PROT_NONE), 0);
    }
    void TearDown() override { ::munmap(pages, 2 * kPage); }
    ibv_sge piece(std::size_t at, uint32_t length) {
        return {reinterpret_cast<uintptr_t>(pages) + at, length, key};
    }
    char *pages = nullptr;
};

TEST_F(Lists, ScatterAcrossTheirParts) {
    ASSERT_TRUE(build({sge(0, 2), sge(10, 0), sge(20, 3)}, 5));
    list.scatter("ab", 2);
    list.scatter("cde", 3);
    EXPECT_EQ(std::string(memory, 2), "ab");
    EXPECT_EQ(std::string(memory + 20, 3), "cde");
}

TEST_F(Lists, NeverWriteMoreThanTheyHold) {
    ASSERT_TRUE(build({sge(0, 2)}, 2));
    list.scatter("abcdef", 6);
    EXPECT_EQ(memory[2], 0);
}

TEST_F(Lists, GatherWhatStandsInTheirParts) {
    std::memcpy(memory, "hello world", 11);
    ASSERT_TRUE(build({sge(6, 5), sge(0, 5)}, 10));
    char out[11] = {};
    list.gather(out);
    EXPECT_STREQ(out, "worldhello");
}

TEST_F(Lists, GoOnFromWhereTheyWereSkippedTo) {
    std::memcpy(memory, "0123456789", 10);
    ASSERT_TRUE(build({sge(0, 4), sge(4, 6)}, 10));
    list.skip(3);
    char out[5] = {};
    list.gather_next(out, 4);
    EXPECT_STREQ(out, "3456");
}

TEST_F(Lists, CheckOnlyAsMuchAsIsUsed) {
    const ibv_sge beyond{reinterpret_cast<uintptr_t>(memory) + sizeof memory, 100, key};
    EXPECT_TRUE(build({sge(0, 4), beyond}, 4));
    EXPECT_FALSE(build({sge(0, 4), beyond}, 5));
}

TEST_F(Lists, RefuseAForeignKey) {
    ibv_sge wrong = sge(0, 4);
    wrong.lkey ^= 0x100;
    EXPECT_FALSE(build({wrong}, 4));
}

TEST_F(ListsWithMissingPages, AreNothingForOtherProcesses) {
    ASSERT_TRUE(build({piece(0, 4)}, 4));
    EXPECT_FALSE(list.is_plain());
    EXPECT_TRUE(list.may_fault());
}

TEST_F(ListsWithMissingPages, CopyWhatIsThere) {
    ASSERT_TRUE(build({piece(0, 5)}, 5));
    list.scatter("hello", 5);
    EXPECT_EQ(std::string(pages, 5), "hello");
    char out[6] = {};
    list.gather(out);
    EXPECT_STREQ(out, "hello");
    alignas(8) uint8_t ordered[16] = {};
    ASSERT_TRUE(build({piece(0, 5), piece(0, 5)}, 10));
    list.gather_in_order(ordered);
    EXPECT_EQ(std::string(reinterpret_cast<char *>(ordered), 10), "hellohello");
    EXPECT_FALSE(list.has_faulted());
}

TEST_F(ListsWithMissingPages, RememberThatTheyWereWritten) {
    ASSERT_TRUE(build({piece(kPage - 2, 4)}, 4));
    list.scatter("abcd", 4);
    EXPECT_TRUE(list.has_faulted());
}

TEST_F(ListsWithMissingPages, RememberThatTheyWereRead) {
    char out[4] = {};
    ASSERT_TRUE(build({piece(kPage - 2, 4)}, 4));
    list.gather(out);
    EXPECT_TRUE(list.has_faulted());
    ASSERT_TRUE(build({piece(kPage - 2, 4)}, 4));
    EXPECT_FALSE(list.has_faulted());
    list.skip(1);
    list.gather_next(out, 3);
    EXPECT_TRUE(list.has_faulted());
}

TEST_F(ListsWithMissingPages, StoreNoLastByteThatTheyHaveNot) {
    uint8_t out[4] = {9, 9, 9, 9};
    ASSERT_TRUE(build({piece(kPage - 2, 4)}, 4));
    list.gather_in_order(out);
    EXPECT_TRUE(list.has_faulted());
    EXPECT_EQ(out[3], 9);
}

TEST_F(ListsWithMissingPages, BeginBehindTheFirstAddressThereIs) {
    auto everything = table->enter({1, 0, ~uint64_t{0}, 0, IBV_ACCESS_ON_DEMAND});
    ASSERT_TRUE(everything.has_value());
    const ibv_sge nowhere{0, 8, *everything};
    EXPECT_FALSE(list.build(table->home(), care, 1, 0, &nowhere, 1, 8));
    const ibv_sge here{reinterpret_cast<uintptr_t>(pages), 8, *everything};
    EXPECT_TRUE(list.build(table->home(), care, 1, 0, &here, 1, 8));
}

}  // namespace
