// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The text of VERBS_SOFT_FAULTS: what it may say, that anything else is refused with its place, and
// which things a rule picks.
#include "faults/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace soft;

FaultPlan plan_of(const std::string &text) {
    auto parsed = parse_faults(text);
    if (!parsed) throw std::runtime_error(parsed.error().phrase);
    return std::move(*parsed);
}

std::string refusal(const std::string &text) {
    const auto parsed = parse_faults(text);
    if (parsed) return "";
    EXPECT_EQ(parsed.error().code, EINVAL);
    return parsed.error().phrase;
}

// Of the first 20 that are counted, those that the only rule picks.
std::vector<uint64_t> picked(const FaultPlan &plan, uint64_t scope = 1, uint64_t of = 20) {
    std::vector<uint64_t> all;
    for (uint64_t index = 1; index <= of; ++index)
        if (picks(plan, 0, scope, index, all.size())) all.push_back(index);
    return all;
}

TEST(FaultText, OfNothingIsNoFault) {
    for (const char *text : {"", " ", ";", " ; ;\n", "seed=7", "seed = 7 ;"})
        EXPECT_TRUE(plan_of(text).rules.empty()) << text;
}

TEST(FaultText, SetsEachKey) {
    const FaultPlan plan =
        plan_of(" seed = 7; drop-peer: after=100 , on=recv, qp=2;delay:us=20,every=3,count=4;"
                "rnr:p=0.25,attempts=9;fail-reg_mr:nth=3,errno=ENOSPC;"
                "port-down:after_ms=50,for_ms=20;device-removal:posts=6");
    EXPECT_EQ(plan.seed, 7u);
    ASSERT_EQ(plan.rules.size(), 6u);
    EXPECT_EQ(plan.rules[0].kind, FaultKind::drop_peer);
    EXPECT_EQ(plan.rules[0].after, 100u);
    EXPECT_EQ(plan.rules[0].qp, 2u);
    EXPECT_TRUE(plan.rules[0].is_on_receive);
    EXPECT_EQ(plan.rules[0].text, "drop-peer: after=100 , on=recv, qp=2");
    EXPECT_EQ(plan.rules[1].delay_ns, 20'000);
    EXPECT_EQ(plan.rules[1].every, 3u);
    EXPECT_EQ(plan.rules[1].count, 4u);
    EXPECT_EQ(plan.rules[2].probability, 0.25);
    EXPECT_EQ(plan.rules[2].attempts, 9u);
    EXPECT_EQ(plan.rules[3].call, Call::reg_mr);
    EXPECT_EQ(plan.rules[3].nth, 3u);
    EXPECT_EQ(plan.rules[3].code, ENOSPC);
    EXPECT_EQ(plan.rules[4].after_ns, 50'000'000);
    EXPECT_EQ(plan.rules[4].for_ns, 20'000'000);
    EXPECT_EQ(plan.rules[5].posts, 6u);
}

TEST(FaultText, ThatIsWrongIsRefusedWithItsPlace) {
    EXPECT_EQ(refusal("seed=7;dealy:us=5"), "faults, character 8: \"dealy\" is no fault");
    EXPECT_EQ(refusal("delay:us=5, of=7"),
              "faults, character 13: \"of=7\" is no key of this fault");
    EXPECT_EQ(refusal("delay:us=5x"),
              "faults, character 7: \"us=5x\" is no number from 1 to 1000000000");
    EXPECT_EQ(refusal("fail-reg_mr:errno=EWHAT"),
              "faults, character 13: \"errno=EWHAT\" is no error that can be asked for");
    EXPECT_EQ(refusal("fail-post_send"),
              "faults, character 1: \"fail-post_send\" is no call that can be made to fail");
}

TEST(FaultText, ThatIsBrokenIsRefused) {
    for (const char *text : {"drop",
                             "drop-peer:",
                             "drop-peer:,",
                             "drop-peer:after",
                             "drop-peer:after=",
                             "drop-peer:after=1,",
                             "drop-peer:after=1,,p=1",
                             "drop-peer:=1",
                             "drop-peer=1",
                             ":",
                             "=",
                             "drop-peer:after=-1",
                             "drop-peer:after=+1",
                             "drop-peer:after=1 2",
                             "drop-peer:nth=0",
                             "drop-peer:after=1000000001",
                             "drop-peer:after=99999999999999999999",
                             "delay",
                             "delay:",
                             "delay:nth=1",
                             "delay:us=0",
                             "rnr:us=5",
                             "rnr:attempts=0",
                             "delay:us=5,us=5",
                             "delay:us=5,on=recv",
                             "drop-peer:on=both",
                             "rnr:nth=1,every=2",
                             "rnr:nth=1,p=0.5",
                             "rnr:p=0",
                             "rnr:p=1.5",
                             "rnr:p=-0.5",
                             "rnr:p=nan",
                             "rnr:p=inf",
                             "rnr:p=1e-1",
                             "rnr:p=x",
                             "port-down",
                             "port-down:for_ms=5",
                             "port-down:after_ms=5,posts=5",
                             "port-down:after_ms=5,nth=1",
                             "device-removal:after_ms=5,for_ms=5",
                             "seed",
                             "seed=",
                             "seed=x",
                             "seed=-1",
                             "seed=7;seed=7",
                             "seedy=7",
                             "seed:7",
                             "seed=18446744073709551616",
                             "fail-:nth=1",
                             "fail-reg_mr:qp=1",
                             "fail-reg_mr:errno=12"})
        EXPECT_NE(refusal(text), "") << text;
    EXPECT_NE(refusal(std::string("rnr\0", 4)), "");
    EXPECT_NE(refusal(std::string(5'000, ';')), "") << "too long";
    std::string many;
    for (int i = 0; i < 65; ++i)
        many += "rnr;";
    EXPECT_NE(refusal(many), "") << "too many";
}

TEST(FaultText, OfAnyBytesIsRefusedInPrintableWordsOrTaken) {
    const std::string valid = "seed=7;drop-peer:after=100,p=0.5;fail-reg_mr:nth=3,errno=ENOMEM";
    const std::string alphabet = "=:;,.-0189 abdefklnoprstuE_\n\xff\x01";
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; ++i) {
        std::string text = valid.substr(0, random() % (valid.size() + 1));
        for (uint32_t changes = random() % 4; changes > 0 && !text.empty(); --changes)
            text[random() % text.size()] = alphabet[random() % alphabet.size()];
        const std::string phrase = refusal(text);
        EXPECT_TRUE(std::ranges::all_of(phrase, [](char c) { return c >= ' ' && c <= '~'; }));
    }
}

TEST(FaultRules, PickWhatTheyName) {
    using Numbers = std::vector<uint64_t>;
    EXPECT_EQ(picked(plan_of("rnr:nth=3")), Numbers({3}));
    EXPECT_EQ(picked(plan_of("rnr:after=10,nth=3")), Numbers({13}));
    EXPECT_EQ(picked(plan_of("rnr:every=7")), Numbers({7, 14}));
    EXPECT_EQ(picked(plan_of("rnr:every=5,after=3,count=2")), Numbers({8, 13}));
    EXPECT_EQ(picked(plan_of("rnr:count=2")), Numbers({1, 2}));
    EXPECT_EQ(picked(plan_of("drop-peer:after=5")), Numbers({6}));
    EXPECT_EQ(picked(plan_of("rnr")).size(), 20u);
    EXPECT_EQ(picked(plan_of("rnr:p=1")).size(), 20u);
}

TEST(FaultRules, WithAProbabilityPickAsOftenAsItSays) {
    const auto all = picked(plan_of("rnr:p=0.1"), 1, 100'000);
    EXPECT_NEAR(static_cast<double>(all.size()), 10'000, 500);  // five standard deviations
}

TEST(FaultRules, WithAProbabilityPickTheSameForTheSameSeedAlone) {
    const auto first = picked(plan_of("seed=1;rnr:p=0.5"), 1, 200);
    EXPECT_EQ(first, picked(plan_of("seed=1;rnr:p=0.5"), 1, 200));
    EXPECT_NE(first, picked(plan_of("seed=2;rnr:p=0.5"), 1, 200));
    EXPECT_NE(first, picked(plan_of("seed=1;rnr:p=0.5"), 2, 200)) << "another queue pair";
}

}  // namespace
