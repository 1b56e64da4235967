// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The rules L2 to L6 on tables made by hand; real plugins with one fault each are in tests/loader.
#include "loader/judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace verbs::loader;

namespace {

// Distinct, never called: only whether a slot is filled counts here.
template <class Slot>
void fill(Slot &slot) {
    slot = reinterpret_cast<Slot>(0x1000);
}

verbs_provider_ops required_ops() {
    verbs_provider_ops ops{};
    fill(ops.start);
    fill(ops.open_device);
    fill(ops.close_device);
    fill(ops.query_device);
    fill(ops.query_port);
    fill(ops.alloc_pd);
    fill(ops.dealloc_pd);
    fill(ops.reg_mr);
    fill(ops.dereg_mr);
    fill(ops.create_cq);
    fill(ops.destroy_cq);
    fill(ops.create_qp);
    fill(ops.modify_qp);
    fill(ops.destroy_qp);
    return ops;
}

constexpr std::uint32_t kOpsOfContract1 = 272;  // bytes

class Judge : public testing::Test {
protected:
    verbs_provider_ops ops = required_ops();
    verbs_provider table = {VERBS_PROVIDER_MAGIC,
                            1,
                            sizeof(verbs_provider),
                            "fake",
                            &ops,
                            sizeof ops,
                            0,
                            nullptr,
                            0,
                            0};
    Manifest manifest;
    std::size_t symbol_size = sizeof(verbs_provider);

    void SetUp() override {
        manifest.name = "fake";
        manifest.contract_oldest = manifest.contract_newest = 1;
    }
    // The rule that refuses the table, such as "L2", or "".
    std::string rule() {
        const auto judged = judge_table({&table, symbol_size}, manifest);
        return judged ? "" : judged.error().phrase.substr(0, 2);
    }
};

}  // namespace

TEST_F(Judge, AcceptsATableWithTheRequiredSlots) {
    EXPECT_EQ(rule(), "");
}

TEST_F(Judge, RefusesAWrongMagic) {
    table.magic = 0;
    EXPECT_EQ(rule(), "L2");
}

TEST_F(Judge, RefusesAnUnknownContractAndNamesBothVersions) {
    table.contract = 3;
    const auto judged = judge_table({&table, symbol_size}, manifest);
    ASSERT_FALSE(judged);
    EXPECT_EQ(judged.error().phrase, "L3: the plugin has contract 3, this library knows 1 to 2");
    table.contract = 0;
    EXPECT_EQ(rule(), "L3");
}

TEST_F(Judge, RefusesAContractOutsideTheManifestsRange) {
    manifest.contract_oldest = manifest.contract_newest = 2;
    EXPECT_EQ(rule(), "L3");
}

TEST_F(Judge, RefusesAManifestWhoseRangeIsNotMet) {
    manifest.contract_oldest = 3;
    manifest.contract_newest = 4;
    EXPECT_EQ(judge_range(manifest).error().phrase,
              "L3: the manifest wants contract 3 to 4, this library knows 1 to 2");
    manifest.contract_oldest = 1;
    EXPECT_TRUE(judge_range(manifest));
}

TEST_F(Judge, RefusesATableThatIsTooShort) {
    table.size = sizeof(verbs_provider) - 8;
    EXPECT_EQ(rule(), "L4");
}

TEST_F(Judge, RefusesATableThatClaimsMoreThanItsSymbolHas) {
    table.size = sizeof(verbs_provider) + 8;
    EXPECT_EQ(rule(), "L4");
}

TEST_F(Judge, RefusesASymbolTooSmallToBeATable) {
    symbol_size = 8;
    EXPECT_EQ(rule(), "L4");
}

TEST_F(Judge, AcceptsASymbolWithoutASize) {
    symbol_size = 0;
    EXPECT_EQ(rule(), "");
}

TEST_F(Judge, RefusesSlotsThatAreTooFewOrTooMany) {
    table.ops_size = kOpsOfContract1 - 8;
    EXPECT_EQ(rule(), "L4");
    table.contract = 2;
    manifest.contract_newest = 2;
    table.ops_size = kOpsOfContract1;
    EXPECT_EQ(rule(), "L4");
    table.ops_size = sizeof ops + 1;
    EXPECT_EQ(rule(), "L4");
    table.ops_size = ~0u & ~7u;
    EXPECT_EQ(rule(), "L4");
}

TEST_F(Judge, AcceptsAPluginOfAnEarlierContractWithFewerSlots) {
    table.ops_size = kOpsOfContract1;
    const auto judged = judge_table({&table, symbol_size}, manifest);
    ASSERT_TRUE(judged) << judged.error().phrase;
    EXPECT_EQ(judged->query_gid_table(nullptr, nullptr, 0, nullptr), EOPNOTSUPP);
}

TEST_F(Judge, RefusesATableWithoutSlots) {
    table.ops = nullptr;
    EXPECT_EQ(rule(), "L4");
}

TEST_F(Judge, AcceptsAPluginOfALaterReleaseWithMoreSlots) {
    std::vector<char> longer(sizeof ops + 64, '\x55');
    std::memcpy(longer.data(), &ops, sizeof ops);
    table.ops = reinterpret_cast<const verbs_provider_ops *>(longer.data());
    table.ops_size = static_cast<std::uint32_t>(longer.size());
    EXPECT_EQ(rule(), "");
}

TEST_F(Judge, RefusesAnotherName) {
    table.name = "fak";
    EXPECT_EQ(rule(), "L5");
    table.name = "fakes";
    EXPECT_EQ(rule(), "L5");
    table.name = nullptr;
    EXPECT_EQ(rule(), "L5");
}

TEST_F(Judge, NamesTheRequiredSlotThatIsEmpty) {
    ops.create_qp = nullptr;
    const auto judged = judge_table({&table, symbol_size}, manifest);
    ASSERT_FALSE(judged);
    EXPECT_EQ(judged.error().phrase, "L6: the required slot create_qp is empty");
}

TEST_F(Judge, WantsEnumerateFromAPluginWhoseManifestPromisesIt) {
    manifest.enumerates = true;
    EXPECT_EQ(rule(), "L6");
    fill(ops.enumerate);
    EXPECT_EQ(rule(), "");
}

TEST_F(Judge, AnswersMissingSlotsWithEopnotsupp) {
    const auto complete = judge_table({&table, symbol_size}, manifest);
    ASSERT_TRUE(complete);
    EXPECT_EQ(complete->query_gid(nullptr, 1, 0, nullptr), EOPNOTSUPP);
    EXPECT_EQ(complete->create_srq(nullptr, nullptr, nullptr, nullptr), EOPNOTSUPP);
    EXPECT_EQ(complete->query_qp(nullptr, nullptr, nullptr, 0, nullptr), EOPNOTSUPP);
    complete->cq_event(nullptr);
    // No slots are left empty but enumerate, and query_device_ex, for which another stands in.
    std::vector<void *> slots(sizeof *complete / sizeof(void *));
    std::memcpy(slots.data(), &*complete, sizeof *complete);
    EXPECT_EQ(std::count(slots.begin(), slots.end(), nullptr), 2);
    EXPECT_EQ(complete->enumerate, nullptr);
    EXPECT_EQ(complete->query_device_ex, nullptr);
}

TEST_F(Judge, FindsNoExperimentalHalfWhereThereIsNone) {
    const auto half = judge_experimental(table);
    ASSERT_TRUE(half);
    EXPECT_EQ(half->ops, nullptr);
}

TEST_F(Judge, PassesAnExperimentalHalfOn) {
    table.exp_ops = &ops;
    table.exp_contract = 77;
    table.exp_ops_size = 16;
    const auto half = judge_experimental(table);
    ASSERT_TRUE(half);
    EXPECT_EQ(half->ops, &ops);
    EXPECT_EQ(half->contract, 77u);
    EXPECT_EQ(half->size, 16u);
}

TEST_F(Judge, DoesNotBelieveAnExperimentalHalfThatCannotBe) {
    const auto is_refused = [&](const void *slots, std::uint32_t contract, std::uint32_t size) {
        table.exp_ops = slots;
        table.exp_contract = contract;
        table.exp_ops_size = size;
        const auto half = judge_experimental(table);
        return !half && half.error().phrase.starts_with("L8: ");
    };
    EXPECT_TRUE(is_refused(nullptr, 1, 16));
    EXPECT_TRUE(is_refused(&ops, 0, 16));
    EXPECT_TRUE(is_refused(&ops, 1, 0));
    EXPECT_TRUE(is_refused(&ops, 1, 12));
    EXPECT_TRUE(is_refused(&ops, 1, 0x7ffffff8));
    EXPECT_FALSE(is_refused(&ops, 1, 8));
}
