// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The program of the suite: runs the tests, or plays the second process of one.
#include "echo.hpp"
#include "side.hpp"
#include "support/peer_process.hpp"

#include <gtest/gtest.h>

int main(int argc, char **argv) {
    using verbs_test::Role;
    static constexpr Role kRoles[] = {
        {"side", verbs_test::serve_side},
        {"echo", verbs_test::serve_echo},
    };
    if (const auto code = verbs_test::run_role(argc, argv, kRoles)) return *code;
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
