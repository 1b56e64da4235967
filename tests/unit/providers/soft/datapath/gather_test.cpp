// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Scatter and gather lists.
#include "datapath/gather.hpp"

#include <gtest/gtest.h>

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
        return list.build(table->home(), 1, IBV_ACCESS_LOCAL_WRITE, sges.begin(),
                          static_cast<uint32_t>(sges.size()), length);
    }
    std::unique_ptr<MrTable> table;
    uint32_t key = 0;
    char memory[64] = {};
    MemoryList list;
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

}  // namespace
