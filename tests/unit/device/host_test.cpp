// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The table that plugins get. Retiring is tested with the objects it is about: api/cq_test.cpp,
// api/async_event_test.cpp.
#include "device/host.hpp"

#include "core/reason.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

using verbs::device::host_table;

TEST(Host, TellsItsSizeAndContract) {
    EXPECT_EQ(host_table().size, sizeof(verbs_host));
    EXPECT_EQ(host_table().contract, VERBS_PROVIDER_CONTRACT);
}

TEST(Host, HasNoEmptySlot) {
    const auto &host = host_table();
    EXPECT_TRUE(host.log_wants && host.log && host.set_reason && host.environment &&
                host.kernel_device_count && host.retire_qp && host.retire_cq && host.retire_srq);
}

TEST(Host, TakesAnyLevelForALine) {
    for (const int level : {-1, 0, 5, 1000}) {
        EXPECT_EQ(host_table().log_wants(level), 0) << level;
        host_table().log(level, nullptr, nullptr);
    }
}

TEST(Host, TakesAReasonOfAPlugin) {
    host_table().set_reason("because");
    EXPECT_EQ(verbs::reason::offered(), "because");
    host_table().set_reason(nullptr);
    EXPECT_EQ(verbs::reason::offered(), "");
}

TEST(Host, GivesTheEnvironment) {
    ::setenv("VERBS_TEST_HOST", "x", 1);
    EXPECT_STREQ(host_table().environment("VERBS_TEST_HOST"), "x");
    EXPECT_EQ(host_table().environment("VERBS_TEST_UNSET"), nullptr);
}

TEST(Host, IgnoresObjectsThatWereNeverMade) {
    ibv_qp qp{};
    ibv_cq cq{};
    ibv_srq srq{};
    host_table().retire_qp(&qp);
    host_table().retire_cq(&cq);
    host_table().retire_srq(&srq);
    host_table().retire_qp(nullptr);
}
