// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The program of the suite about experimental verbs: runs the tests, or plays the second process of
// one. An argument --device=NAME stands for the environment variable VERBS_TEST_DEVICE.
#include "device_under_test.hpp"
#ifdef EXTENDED_HAS_XRC
#include "xrc_end.hpp"
#endif

#include <gtest/gtest.h>

int main(int argc, char **argv) {
    verbs_test::use_device_argument(argc, argv);
#ifdef EXTENDED_HAS_XRC
    static constexpr verbs_test::Role kRoles[] = {{"xrc", verbs_test::serve_xrc}};
    if (const auto code = verbs_test::run_role(argc, argv, kRoles)) return *code;
#endif
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
