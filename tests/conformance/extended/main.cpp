// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The program of the suite about experimental verbs. An argument --device=NAME stands for the
// environment variable VERBS_TEST_DEVICE.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

int main(int argc, char **argv) {
    constexpr std::string_view kDevice = "--device=";
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]).starts_with(kDevice))
            ::setenv("VERBS_TEST_DEVICE", argv[i] + kDevice.size(), 1);
    }
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
