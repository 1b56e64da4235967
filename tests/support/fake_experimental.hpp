// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The experimental half of the fake provider. The attributes of the last call are kept as they
// came.
#pragma once

#include <verbs/provider_exp.h>

#include <cstddef>
#include <cstdint>

namespace verbs_test {

// What the slots were called with last: where FakeState::last_attributes points.
struct FakeExperimental {
    ibv_cq_init_attr_ex cq;
    ibv_qp_init_attr_ex qp;
    ibv_modify_cq_attr moderation;
    ibv_parent_domain_init_attr parent_domain;
    ibv_xrcd_init_attr xrcd;
    ibv_srq_init_attr_ex srq;
    ibv_srq *ops_of;  // of post_srq_ops, as the next
    ibv_ops_wr *ops;
    ibv_qp_open_attr opening;
    std::uint64_t dm_offset;
    std::size_t dm_length;
    void *freed;
    ibv_qp_rate_limit_attr rate_limit;
    ibv_advise_mr_advice advice;
    std::uint32_t flags;  // of advise_mr, read_counters, query_qp_data_in_order
    std::uint32_t count;  // of advise_mr and read_counters
    std::size_t mr_length;
    std::uint64_t mr_iova;
    int mr_access;
    std::uint64_t dmabuf_offset;
    std::size_t dmabuf_length;
    std::uint64_t dmabuf_iova;
    int dmabuf_fd;
    ibv_flow_attr flow;
    std::uint32_t esn;
    ibv_counter_attach_attr counter;
    ibv_flow *counted;
    ibv_comp_cntr_type comp_cntr_type;
    std::uint64_t counted_successes;
    std::uint64_t counted_errors;
    std::uint32_t counted_operations;
    ibv_wq_init_attr wq;
    ibv_wq_attr wq_change;
    std::uint32_t log_ind_tbl_size;
    int importable_fd;
    ibv_dmah_init_attr hints;
    ibv_mr_init_attr region;
    int exported_fd;
};

extern const verbs_provider_exp_ops kExperimental;

}  // namespace verbs_test
