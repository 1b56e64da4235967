// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the device can do beyond the stable attributes, as the kernel tells it.
#include "control/attributes.hpp"
#include "control/device.hpp"
#include "uverbs/device.hpp"

namespace rxe {

namespace {

ibv_odp_caps to_public(const ib_uverbs_odp_caps &told) {
    return {told.general_caps,
            {told.per_transport_caps.rc_odp_caps, told.per_transport_caps.uc_odp_caps,
             told.per_transport_caps.ud_odp_caps}};
}

}  // namespace

// Hashing, segmentation, and rates would be in the driver's part of the answer; it has none.
Result<ibv_device_attr_ex> RxeDevice::query_device_ex() {
    VERBS_TRY(told, verbs::uverbs::query_device_ex(kernel_));
    ibv_device_attr_ex attr{};
    attr.orig_attr = rxe::to_public(told.base);
    attr.odp_caps = to_public(told.odp_caps);
    attr.completion_timestamp_mask = told.timestamp_mask;
    attr.hca_core_clock = told.hca_core_clock;
    attr.device_cap_flags_ex = told.device_cap_flags_ex;
    attr.rss_caps.supported_qpts = told.rss_caps.supported_qpts;
    attr.rss_caps.max_rwq_indirection_tables = told.rss_caps.max_rwq_indirection_tables;
    attr.rss_caps.max_rwq_indirection_table_size = told.rss_caps.max_rwq_indirection_table_size;
    attr.max_wq_type_rq = told.max_wq_type_rq;
    attr.raw_packet_caps = told.raw_packet_caps;
    attr.tm_caps = {told.tm_caps.max_rndv_hdr_size, told.tm_caps.max_num_tags, told.tm_caps.flags,
                    told.tm_caps.max_ops, told.tm_caps.max_sge};
    attr.cq_mod_caps = {told.cq_moderation_caps.max_cq_moderation_count,
                        told.cq_moderation_caps.max_cq_moderation_period};
    attr.max_dm_size = told.max_dm_size;
    attr.xrc_odp_caps = told.xrc_odp_caps;
    attr.phys_port_cnt_ex = told.base.phys_port_cnt;
    return attr;
}

}  // namespace rxe
