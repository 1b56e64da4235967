// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The program of the suite about experimental verbs. An argument --device=NAME stands for the
// environment variable VERBS_TEST_DEVICE.
#include "device_under_test.hpp"

#include <gtest/gtest.h>

int main(int argc, char **argv) {
    verbs_test::use_device_argument(argc, argv);
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
