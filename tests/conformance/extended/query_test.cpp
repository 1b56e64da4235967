// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the extended query tells beyond, and in common with, the plain one.
#include "device_under_test.hpp"

#include <cstring>

namespace {

using namespace verbs_test;

class ExtendedQuery : public DeviceTest {};

TEST_F(ExtendedQuery, BeginsWithWhatThePlainQueryTells) {
    ibv_device_attr_ex extended{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &extended), 0);
    const ibv_device_attr plain = device_limits(context());
    EXPECT_STREQ(extended.orig_attr.fw_ver, plain.fw_ver);
    EXPECT_EQ(extended.orig_attr.node_guid, plain.node_guid);
    EXPECT_EQ(extended.orig_attr.max_qp, plain.max_qp);
    EXPECT_EQ(extended.orig_attr.max_cqe, plain.max_cqe);
    EXPECT_EQ(extended.orig_attr.max_mr_size, plain.max_mr_size);
    EXPECT_EQ(extended.orig_attr.phys_port_cnt, plain.phys_port_cnt);
    // The stable query may leave out what only experimental verbs use.
    constexpr unsigned kExperimental = IBV_DEVICE_MEM_WINDOW_TYPE_2B | IBV_DEVICE_XRC;
    EXPECT_EQ(extended.orig_attr.device_cap_flags & ~kExperimental,
              plain.device_cap_flags & ~kExperimental);
    // Both are the same flags, in 32 and in 64 bits.
    EXPECT_EQ(static_cast<uint32_t>(extended.device_cap_flags_ex),
              extended.orig_attr.device_cap_flags);
    EXPECT_EQ(extended.phys_port_cnt_ex, plain.phys_port_cnt);
}

TEST_F(ExtendedQuery, LeavesNothingOfWhatStoodInTheAnswer) {
    ibv_device_attr_ex one;
    ibv_device_attr_ex other;
    std::memset(&one, 0x55, sizeof one);
    std::memset(&other, 0xaa, sizeof other);
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &one), 0);
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &other), 0);
    EXPECT_EQ(one.tm_caps.max_ops, other.tm_caps.max_ops);
    EXPECT_EQ(one.completion_timestamp_mask, other.completion_timestamp_mask);
    EXPECT_EQ(one.odp_caps.general_caps, other.odp_caps.general_caps);
    EXPECT_EQ(one.max_dm_size, other.max_dm_size);
    EXPECT_EQ(one.raw_packet_caps, other.raw_packet_caps);
}

TEST_F(ExtendedQuery, TakesAnInputThatAsksForNothing) {
    ibv_query_device_ex_input input{};
    ibv_device_attr_ex attr{};
    EXPECT_EQ(ibv_query_device_ex(context(), &input, &attr), 0);
}

TEST_F(ExtendedQuery, RefusesAnInputThatAsksForTheUnknown) {
    ibv_query_device_ex_input input{};
    input.comp_mask = 1;
    ibv_device_attr_ex attr{};
    EXPECT_EQ(ibv_query_device_ex(context(), &input, &attr), EINVAL);
}

}  // namespace
