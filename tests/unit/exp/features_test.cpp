// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The run-time query against what the build was configured for.
#include <infiniband/verbs_exp/feature_query.h>
#include <infiniband/verbs_exp/features.h>

#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>
#include <string>
#include <vector>

namespace {

// As CMake has chosen them.
std::vector<std::string> chosen() {
    std::vector<std::string> names;
    std::istringstream text(VERBS_TEST_FEATURES);
    for (std::string name; text >> name;)
        names.push_back(name);
    return names;
}

TEST(ExperimentalFeatures, AreThoseThatTheBuildWasConfiguredFor) {
    std::vector<std::string> listed;
    for (auto *feature = verbs_exp_features(); *feature != nullptr; ++feature)
        listed.emplace_back((*feature)->name);
    EXPECT_EQ(listed, chosen());
    EXPECT_FALSE(listed.empty());
}

TEST(ExperimentalFeatures, AreDescribedInWords) {
    for (auto *feature = verbs_exp_features(); *feature != nullptr; ++feature) {
        SCOPED_TRACE((*feature)->name);
        EXPECT_EQ(verbs_exp_feature((*feature)->name), (*feature)->revision);
        EXPECT_GE((*feature)->revision, 1);
        EXPECT_GE((*feature)->risk, VERBS_EXP_MID_ADOPTER);
        EXPECT_LE((*feature)->risk, VERBS_EXP_HIGH_RISK);
        EXPECT_STRNE((*feature)->since, "");
        EXPECT_STRNE((*feature)->summary, "");
        EXPECT_STRNE((*feature)->abi_impact, "");
        EXPECT_NE((*feature)->graduated, nullptr);
    }
}

TEST(ExperimentalFeatures, HaveTheRevisionOfTheHeaders) {
#ifdef VERBS_HAVE_CQ_EX
    EXPECT_EQ(verbs_exp_feature("cq_ex"), VERBS_HAVE_CQ_EX);
#else
    EXPECT_EQ(verbs_exp_feature("cq_ex"), 0);
#endif
#ifdef VERBS_HAVE_QUERY_DEVICE_EX
    EXPECT_EQ(verbs_exp_feature("query_device_ex"), VERBS_HAVE_QUERY_DEVICE_EX);
#else
    EXPECT_EQ(verbs_exp_feature("query_device_ex"), 0);
#endif
}

TEST(ExperimentalFeatures, OfOtherNamesAreNone) {
    errno = 4711;
    for (const char *name : {"", "cq", "cq_ex ", "CQ_EX", "VERBS_HAVE_CQ_EX", "no_such_feature"})
        EXPECT_EQ(verbs_exp_feature(name), 0) << name;
    EXPECT_EQ(verbs_exp_feature(nullptr), 0);
    EXPECT_EQ(errno, 4711);
}

}  // namespace
