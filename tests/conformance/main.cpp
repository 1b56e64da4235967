// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The program of the suite: runs the tests, or plays the second process of one. An argument
// --device=NAME stands for the environment variable VERBS_TEST_DEVICE.
#include "crowd.hpp"
#include "datagram_stream.hpp"
#include "device_under_test.hpp"
#include "echo.hpp"
#include "network.hpp"
#include "restart.hpp"
#include "restrictions.hpp"
#include "side.hpp"
#include "stream.hpp"
#include "support/peer_process.hpp"

#include <gtest/gtest.h>

int main(int argc, char **argv) {
    verbs_test::use_device_argument(argc, argv);
    using verbs_test::Role;
    static constexpr Role kRoles[] = {
        {"side", verbs_test::serve_side},
        {"echo", verbs_test::serve_echo},
        {"stream", verbs_test::serve_stream},
        {"crowd", verbs_test::serve_crowd},
        {"datagram-stream", verbs_test::serve_datagram_stream},
        {"reborn", verbs_test::serve_reborn},
        {"logging-side", verbs_test::serve_logging_side},
        {"side-without-copies", verbs_test::serve_side_without_copies},
        {"side-in-user-namespace", verbs_test::serve_side_in_user_namespace},
        {"side-of-nobody", verbs_test::serve_side_of_nobody},
        {"undumpable-side-of-nobody", verbs_test::serve_undumpable_side_of_nobody},
        {"network", verbs_test::serve_network},
    };
    if (const auto code = verbs_test::run_role(argc, argv, kRoles)) return *code;
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
