// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The C++ face of the experimental half of the provider contract: what <verbs/provider.hpp> is for
// the stable half. A class has the methods of both; one that is not there is an empty slot.
//
//   Result<ibv_values_ex> query_rt_values_ex(uint32_t mask)       answers what it can of the mask
//   Result<ibv_cq_ex *> create_cq_ex(ibv_cq_init_attr_ex *attr)   <verbs/extended_cq.hpp> helps
//   Result<void> modify_cq(ibv_cq *cq, ibv_modify_cq_attr *attr)
//   Result<ibv_qp *> create_qp_ex(ibv_qp_init_attr_ex *attr)      <verbs/extended_qp.hpp> helps
//   static ibv_qp_ex *qp_to_qp_ex(ibv_qp *qp) noexcept
//   Result<ibv_td *> alloc_td(ibv_td_init_attr *attr)
//   Result<void> dealloc_td(ibv_td *td)
//   Result<ibv_pd *> alloc_parent_domain(ibv_parent_domain_init_attr *attr)
//   Result<ibv_mr *> alloc_null_mr(ibv_pd *pd)
//   Result<ibv_dm *> alloc_dm(ibv_alloc_dm_attr *attr)
//   Result<void> free_dm(ibv_dm *dm)
//   Result<ibv_mr *> reg_dm_mr(ibv_pd *pd, ibv_dm *dm, uint64_t dm_offset, size_t length,
//                              unsigned int access)
//   Result<void *> alloc_buf(ibv_pd *pd, size_t size)
//   Result<void> free_buf(void *addr, size_t size)
//   Result<ibv_xrcd *> open_xrcd(ibv_xrcd_init_attr *attr)
//   Result<void> close_xrcd(ibv_xrcd *xrcd)
//   Result<ibv_srq *> create_srq_ex(ibv_srq_init_attr_ex *attr)
//   Result<uint32_t> get_srq_num(ibv_srq *srq)
//   static int post_srq_ops(ibv_srq *srq, ibv_ops_wr *op, ibv_ops_wr **bad_op) noexcept
//   Result<ibv_qp *> open_qp(ibv_qp_open_attr *attr)
//   Result<ibv_mw *> alloc_mw_type_2(ibv_pd *pd)
//   Result<ibv_mr *> reg_flushable_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
//                                     int access)
//   Result<uint64_t> query_port_speed(uint32_t port_num)
//   static int query_qp_data_in_order(ibv_qp *qp, ibv_wr_opcode op, uint32_t flags) noexcept
//   Result<void> query_ece(ibv_qp *qp, ibv_ece *ece)
//   Result<void> set_ece(ibv_qp *qp, ibv_ece *ece)
//   Result<void> modify_qp_rate_limit(ibv_qp *qp, ibv_qp_rate_limit_attr *attr)
//   Result<void> advise_mr(ibv_pd *pd, ibv_advise_mr_advice advice, uint32_t flags,
//                          ibv_sge *sg_list, uint32_t num_sge)
//   Result<ibv_mr *> reg_dmabuf_mr(ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
//                                  int fd, int access)
//   Result<ibv_flow *> create_flow(ibv_qp *qp, ibv_flow_attr *attr)
//   Result<void> destroy_flow(ibv_flow *flow)
//   Result<ibv_flow_action *> create_flow_action_esp(ibv_flow_action_esp_attr *esp)
//   Result<void> modify_flow_action_esp(ibv_flow_action *action, ibv_flow_action_esp_attr *esp)
//   Result<void> destroy_flow_action(ibv_flow_action *action)
//   Result<ibv_counters *> create_counters(ibv_counters_init_attr *attr)
//   Result<void> destroy_counters(ibv_counters *counters)
//   Result<void> attach_counters_point_flow(ibv_counters *counters, ibv_counter_attach_attr *attr,
//                                           ibv_flow *flow)
//   Result<void> read_counters(ibv_counters *counters, uint64_t *values, uint32_t count,
//                              uint32_t flags)
//   Result<ibv_comp_cntr_caps> query_comp_cntr_caps()
//   Result<ibv_comp_cntr *> create_comp_cntr(ibv_comp_cntr_init_attr *attr)
//   Result<void> destroy_comp_cntr(ibv_comp_cntr *comp_cntr)
//   Result<void> set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value)
//   Result<void> set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value)
//   Result<void> inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount)
//   Result<void> inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount)
//   Result<uint64_t> read_comp_cntr(ibv_comp_cntr *comp_cntr)
//   Result<uint64_t> read_err_comp_cntr(ibv_comp_cntr *comp_cntr)
//   Result<void> qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
//                                    ibv_qp_attach_comp_cntr_attr *attr)
//   Result<ibv_wq *> create_wq(ibv_wq_init_attr *attr)
//   Result<void> modify_wq(ibv_wq *wq, ibv_wq_attr *attr)
//   Result<void> destroy_wq(ibv_wq *wq)
//   Result<ibv_rwq_ind_table *> create_rwq_ind_table(ibv_rwq_ind_table_init_attr *attr)
//   Result<void> destroy_rwq_ind_table(ibv_rwq_ind_table *table)
//   Result<void> import_device(int cmd_fd)
//   Result<ibv_pd *> import_pd(uint32_t pd_handle)
//   Result<void> unimport_pd(ibv_pd *pd)
//   Result<ibv_mr *> import_mr(ibv_pd *pd, uint32_t mr_handle)
//   Result<void> unimport_mr(ibv_mr *mr)
//   Result<ibv_dm *> import_dm(uint32_t dm_handle)
//   Result<void> unimport_dm(ibv_dm *dm)
//   Result<ibv_dmah *> alloc_dmah(ibv_dmah_init_attr *attr)
//   Result<void> dealloc_dmah(ibv_dmah *dmah)
//   Result<ibv_mr *> reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *attr)
//   Result<int> export_dm(ibv_dm *dm)
#pragma once

#include <verbs/provider.hpp>
#include <verbs/provider_exp.h>

namespace verbs::provider {

namespace detail {

template <class T>
int query_rt_values_ex(void *device, ibv_values_ex *values) noexcept {
    return guarded([&] { return static_cast<T *>(device)->query_rt_values_ex(values->comp_mask); },
                   [&](Result<ibv_values_ex> &read) { *values = *read; });
}

}  // namespace detail

#define VERBS_PROVIDER_SLOT(method)                                                                \
    if constexpr (requires { &T::method; }) ops.method = &detail::Slot<&T::method>::call

template <class T>
constexpr verbs_provider_exp_ops make_exp_ops() {
    verbs_provider_exp_ops ops{};
    if constexpr (requires { &T::query_rt_values_ex; })
        ops.query_rt_values_ex = &detail::query_rt_values_ex<T>;
    VERBS_PROVIDER_SLOT(create_cq_ex);
    VERBS_PROVIDER_SLOT(modify_cq);
    VERBS_PROVIDER_SLOT(create_qp_ex);
    if constexpr (requires { &T::qp_to_qp_ex; }) ops.qp_to_qp_ex = &T::qp_to_qp_ex;
    VERBS_PROVIDER_SLOT(alloc_td);
    VERBS_PROVIDER_SLOT(dealloc_td);
    VERBS_PROVIDER_SLOT(alloc_parent_domain);
    VERBS_PROVIDER_SLOT(alloc_null_mr);
    VERBS_PROVIDER_SLOT(alloc_dm);
    VERBS_PROVIDER_SLOT(free_dm);
    VERBS_PROVIDER_SLOT(reg_dm_mr);
    VERBS_PROVIDER_SLOT(alloc_buf);
    VERBS_PROVIDER_SLOT(free_buf);
    VERBS_PROVIDER_SLOT(open_xrcd);
    VERBS_PROVIDER_SLOT(close_xrcd);
    VERBS_PROVIDER_SLOT(create_srq_ex);
    VERBS_PROVIDER_SLOT(get_srq_num);
    if constexpr (requires { &T::post_srq_ops; }) ops.post_srq_ops = &T::post_srq_ops;
    VERBS_PROVIDER_SLOT(open_qp);
    VERBS_PROVIDER_SLOT(alloc_mw_type_2);
    VERBS_PROVIDER_SLOT(reg_flushable_mr);
    VERBS_PROVIDER_SLOT(query_port_speed);
    if constexpr (requires { &T::query_qp_data_in_order; })
        ops.query_qp_data_in_order = &T::query_qp_data_in_order;
    VERBS_PROVIDER_SLOT(query_ece);
    VERBS_PROVIDER_SLOT(set_ece);
    VERBS_PROVIDER_SLOT(modify_qp_rate_limit);
    VERBS_PROVIDER_SLOT(advise_mr);
    VERBS_PROVIDER_SLOT(reg_dmabuf_mr);
    VERBS_PROVIDER_SLOT(create_flow);
    VERBS_PROVIDER_SLOT(destroy_flow);
    VERBS_PROVIDER_SLOT(create_flow_action_esp);
    VERBS_PROVIDER_SLOT(modify_flow_action_esp);
    VERBS_PROVIDER_SLOT(destroy_flow_action);
    VERBS_PROVIDER_SLOT(create_counters);
    VERBS_PROVIDER_SLOT(destroy_counters);
    VERBS_PROVIDER_SLOT(attach_counters_point_flow);
    VERBS_PROVIDER_SLOT(read_counters);
    VERBS_PROVIDER_SLOT(query_comp_cntr_caps);
    VERBS_PROVIDER_SLOT(create_comp_cntr);
    VERBS_PROVIDER_SLOT(destroy_comp_cntr);
    VERBS_PROVIDER_SLOT(set_comp_cntr);
    VERBS_PROVIDER_SLOT(set_err_comp_cntr);
    VERBS_PROVIDER_SLOT(inc_comp_cntr);
    VERBS_PROVIDER_SLOT(inc_err_comp_cntr);
    VERBS_PROVIDER_SLOT(read_comp_cntr);
    VERBS_PROVIDER_SLOT(read_err_comp_cntr);
    VERBS_PROVIDER_SLOT(qp_attach_comp_cntr);
    VERBS_PROVIDER_SLOT(create_wq);
    VERBS_PROVIDER_SLOT(modify_wq);
    VERBS_PROVIDER_SLOT(destroy_wq);
    VERBS_PROVIDER_SLOT(create_rwq_ind_table);
    VERBS_PROVIDER_SLOT(destroy_rwq_ind_table);
    VERBS_PROVIDER_SLOT(import_device);
    VERBS_PROVIDER_SLOT(import_pd);
    VERBS_PROVIDER_SLOT(unimport_pd);
    VERBS_PROVIDER_SLOT(import_mr);
    VERBS_PROVIDER_SLOT(unimport_mr);
    VERBS_PROVIDER_SLOT(import_dm);
    VERBS_PROVIDER_SLOT(unimport_dm);
    VERBS_PROVIDER_SLOT(alloc_dmah);
    VERBS_PROVIDER_SLOT(dealloc_dmah);
    VERBS_PROVIDER_SLOT(reg_mr_ex);
    VERBS_PROVIDER_SLOT(export_dm);
    return ops;
}

#undef VERBS_PROVIDER_SLOT

template <class T>
inline constexpr verbs_provider_exp_ops kExpOps = make_exp_ops<T>();

}  // namespace verbs::provider

// VERBS_PROVIDER with both halves. Once per plugin, in place of it.
#define VERBS_PROVIDER_WITH_EXPERIMENTAL(type)                                                     \
    VERBS_PROVIDER_WITH_HALF(type, VERBS_PROVIDER_EXP_CONTRACT, &verbs::provider::kExpOps<type>,   \
                             sizeof(struct verbs_provider_exp_ops))
