// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The deviations themselves: one whose test has another name now would skip nothing.
#include "deviations.hpp"
#include "device_under_test.hpp"

namespace {

using namespace verbs_test;

std::vector<std::string> all_tests() {
    std::vector<std::string> names;
    const ::testing::UnitTest &all = *::testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
        const ::testing::TestSuite &suite = *all.GetTestSuite(i);
        for (int j = 0; j < suite.total_test_count(); ++j)
            names.push_back(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
    }
    return names;
}

TEST(DeviationsOfTheDevice, NameTestsThatThereAre) {
    const Deviations deviations = Deviations::of(ibv_get_device_name(device_under_test()));
    EXPECT_EQ(deviations.skipping_none_of(all_tests()), std::vector<std::string>());
}

}  // namespace
