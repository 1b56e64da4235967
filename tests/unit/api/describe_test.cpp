// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The words that programs print; scripts search for them.
#include "api/describe.hpp"

#include <gtest/gtest.h>
#include <infiniband/verbs.h>

// In any_number.c: what C passes to the functions below.
extern "C" const char *describe_any_number(int which, int number);

TEST(Describe, NamesNodeTypes) {
    EXPECT_STREQ(ibv_node_type_str(IBV_NODE_CA), "InfiniBand channel adapter");
    EXPECT_STREQ(ibv_node_type_str(IBV_NODE_RNIC), "iWARP NIC");
    EXPECT_STREQ(ibv_node_type_str(IBV_NODE_UNSPECIFIED), "unspecified");
    EXPECT_STREQ(ibv_node_type_str(IBV_NODE_UNKNOWN), "unknown");
}

TEST(Describe, NamesPortStates) {
    EXPECT_STREQ(ibv_port_state_str(IBV_PORT_NOP), "no state change (NOP)");
    EXPECT_STREQ(ibv_port_state_str(IBV_PORT_ACTIVE), "active");
    EXPECT_STREQ(ibv_port_state_str(IBV_PORT_ACTIVE_DEFER), "active defer");
}

TEST(Describe, NamesEvents) {
    EXPECT_STREQ(ibv_event_type_str(IBV_EVENT_CQ_ERR), "CQ error");
    EXPECT_STREQ(ibv_event_type_str(IBV_EVENT_DEVICE_FATAL), "local catastrophic error");
    EXPECT_STREQ(ibv_event_type_str(IBV_EVENT_GID_CHANGE), "GID table change");
    EXPECT_STREQ(ibv_event_type_str(IBV_EVENT_WQ_FATAL), "WQ fatal");
    EXPECT_STREQ(ibv_event_type_str(IBV_EVENT_DEVICE_SPEED_CHANGE), "Device link speed change");
}

TEST(Describe, NamesCompletionStatuses) {
    EXPECT_STREQ(ibv_wc_status_str(IBV_WC_SUCCESS), "success");
    EXPECT_STREQ(ibv_wc_status_str(IBV_WC_WR_FLUSH_ERR), "Work Request Flushed Error");
    EXPECT_STREQ(ibv_wc_status_str(IBV_WC_RETRY_EXC_ERR), "transport retry counter exceeded");
    EXPECT_STREQ(ibv_wc_status_str(IBV_WC_GENERAL_ERR), "general error");
    EXPECT_STREQ(ibv_wc_status_str(IBV_WC_TM_RNDV_INCOMPLETE), "TM software rendezvous");
}

TEST(Describe, TakesAnyNumberFromC) {
    for (const int number : {-1000000, -2, 64, 1000, 1000000})
        for (int which = 0; which < 4; ++which)
            EXPECT_STREQ(describe_any_number(which, number), "unknown");
    EXPECT_STREQ(describe_any_number(0, 1), "InfiniBand channel adapter");
}

TEST(Describe, CallsEveryOtherNumberUnknown) {
    for (const int number : {-1000000, -1, 100, 1000000}) {
        using namespace verbs::api;
        constexpr std::array<const char *, 2> kTexts = {nullptr, "one"};
        EXPECT_STREQ(describe(kTexts, number), "unknown");
        EXPECT_STREQ(describe(kTexts, 0), "unknown");
        EXPECT_STREQ(describe(kTexts, 1), "one");
    }
}
