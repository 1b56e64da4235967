// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

using RxeDeviceEx = FakeRxe;

TEST_F(RxeDeviceEx, TellsWhatTheKernelTells) {
    kernel_.on_command<ib_uverbs_ex_query_device, ib_uverbs_ex_query_device_resp>(
        IB_USER_VERBS_EX_CMD_QUERY_DEVICE | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [](auto &, auto &response, auto &) {
            response.response_length = sizeof response;
            response.base.max_qp = 77;
            response.base.phys_port_cnt = 1;
            response.odp_caps.general_caps = IBV_ODP_SUPPORT;
            response.odp_caps.per_transport_caps = {1, 2, 3};
            response.timestamp_mask = 4;
            response.hca_core_clock = 5;
            response.device_cap_flags_ex = 1ull << 40 | 6;
            response.rss_caps = {7, 8, 9, 0};
            response.max_wq_type_rq = 10;
            response.raw_packet_caps = 11;
            response.tm_caps = {12, 13, 14, 15, 16, 0};
            response.cq_moderation_caps = {17, 18, 0};
            response.max_dm_size = 19;
            response.xrc_odp_caps = 20;
            return 0;
        });
    const auto attr = device_->query_device_ex();
    ASSERT_TRUE(attr) << attr.error().phrase;
    EXPECT_EQ(attr->orig_attr.max_qp, 77);
    EXPECT_EQ(attr->phys_port_cnt_ex, 1u);
    EXPECT_EQ(attr->comp_mask, 0u);
    EXPECT_EQ(attr->odp_caps.general_caps, unsigned{IBV_ODP_SUPPORT});
    EXPECT_EQ(attr->odp_caps.per_transport_caps.rc_odp_caps, 1u);
    EXPECT_EQ(attr->odp_caps.per_transport_caps.uc_odp_caps, 2u);
    EXPECT_EQ(attr->odp_caps.per_transport_caps.ud_odp_caps, 3u);
    EXPECT_EQ(attr->completion_timestamp_mask, 4u);
    EXPECT_EQ(attr->hca_core_clock, 5u);
    EXPECT_EQ(attr->device_cap_flags_ex, 1ull << 40 | 6);
    EXPECT_EQ(attr->rss_caps.supported_qpts, 7u);
    EXPECT_EQ(attr->rss_caps.max_rwq_indirection_tables, 8u);
    EXPECT_EQ(attr->rss_caps.max_rwq_indirection_table_size, 9u);
    EXPECT_EQ(attr->max_wq_type_rq, 10u);
    EXPECT_EQ(attr->raw_packet_caps, 11u);
    EXPECT_EQ(attr->tm_caps.max_rndv_hdr_size, 12u);
    EXPECT_EQ(attr->tm_caps.max_num_tags, 13u);
    EXPECT_EQ(attr->tm_caps.flags, 14u);
    EXPECT_EQ(attr->tm_caps.max_ops, 15u);
    EXPECT_EQ(attr->tm_caps.max_sge, 16u);
    EXPECT_EQ(attr->cq_mod_caps.max_cq_count, 17u);
    EXPECT_EQ(attr->cq_mod_caps.max_cq_period, 18u);
    EXPECT_EQ(attr->max_dm_size, 19u);
    EXPECT_EQ(attr->xrc_odp_caps, 20u);
}

TEST_F(RxeDeviceEx, SaysWhyTheKernelDoesNotTell) {
    kernel_.on_command<ib_uverbs_ex_query_device, ib_uverbs_ex_query_device_resp>(
        IB_USER_VERBS_EX_CMD_QUERY_DEVICE | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [](auto &, auto &, auto &) { return EIO; });
    const auto attr = device_->query_device_ex();
    EXPECT_EQ(attr.error().code, EIO);
    EXPECT_NE(attr.error().phrase, "");
}

}  // namespace
}  // namespace verbs::test
