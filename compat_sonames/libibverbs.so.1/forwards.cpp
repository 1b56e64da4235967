// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The verbs that libverbs has under the same name and with the same meaning: same arguments, same
// answer. What needs a thought of its own is not here but in the file of its object.
#include "experimental.hpp"
#include "symver.hpp"

#include <infiniband/verbs.h>

#define VERBS_FORWARD(name, version)                                                               \
    VERBS_IMPORT(name);                                                                            \
    VERBS_SYMVER(name, version)

// Devices.

VERBS_FORWARD(ibv_get_device_list, "@@IBVERBS_1.1");
ibv_device **compat_ibv_get_device_list(int *num_devices) {
    return stable_ibv_get_device_list(num_devices);
}

VERBS_FORWARD(ibv_free_device_list, "@@IBVERBS_1.1");
void compat_ibv_free_device_list(ibv_device **list) {
    stable_ibv_free_device_list(list);
}

VERBS_FORWARD(ibv_get_device_name, "@@IBVERBS_1.1");
const char *compat_ibv_get_device_name(ibv_device *device) {
    return stable_ibv_get_device_name(device);
}

VERBS_FORWARD(ibv_get_device_guid, "@@IBVERBS_1.1");
__be64 compat_ibv_get_device_guid(ibv_device *device) {
    return stable_ibv_get_device_guid(device);
}

VERBS_FORWARD(ibv_get_device_index, "@@IBVERBS_1.9");
int compat_ibv_get_device_index(ibv_device *device) {
    return stable_ibv_get_device_index(device);
}

VERBS_FORWARD(ibv_node_type_str, "@@IBVERBS_1.1");
const char *compat_ibv_node_type_str(ibv_node_type type) {
    return stable_ibv_node_type_str(type);
}

VERBS_FORWARD(ibv_open_device, "@@IBVERBS_1.1");
ibv_context *compat_ibv_open_device(ibv_device *device) {
    ibv_context *const context = stable_ibv_open_device(device);
    if (context != nullptr) verbs::compat::fill_experimental(context);
    return context;
}

VERBS_FORWARD(ibv_close_device, "@@IBVERBS_1.1");
int compat_ibv_close_device(ibv_context *context) {
    return stable_ibv_close_device(context);
}

VERBS_FORWARD(ibv_query_device, "@@IBVERBS_1.1");
int compat_ibv_query_device(ibv_context *context, ibv_device_attr *attr) {
    // One question to the device, which with experimental verbs at hand is the one that tells more.
    if (auto *const query = verbs::compat::experimental_query())
        return query(context, nullptr, reinterpret_cast<ibv_device_attr_ex *>(attr), sizeof *attr);
    return stable_ibv_query_device(context, attr);
}

// Ports and their tables.

VERBS_FORWARD(ibv_port_state_str, "@@IBVERBS_1.1");
const char *compat_ibv_port_state_str(ibv_port_state state) {
    return stable_ibv_port_state_str(state);
}

VERBS_FORWARD(ibv_query_gid, "@@IBVERBS_1.1");
int compat_ibv_query_gid(ibv_context *context, uint8_t port_num, int index, ibv_gid *gid) {
    return stable_ibv_query_gid(context, port_num, index, gid);
}

VERBS_FORWARD(ibv_query_pkey, "@@IBVERBS_1.1");
int compat_ibv_query_pkey(ibv_context *context, uint8_t port_num, int index, __be16 *pkey) {
    return stable_ibv_query_pkey(context, port_num, index, pkey);
}

VERBS_FORWARD(ibv_get_pkey_index, "@@IBVERBS_1.5");
int compat_ibv_get_pkey_index(ibv_context *context, uint8_t port_num, __be16 pkey) {
    return stable_ibv_get_pkey_index(context, port_num, pkey);
}

// Asynchronous events.

VERBS_FORWARD(ibv_get_async_event, "@@IBVERBS_1.1");
int compat_ibv_get_async_event(ibv_context *context, ibv_async_event *event) {
    return stable_ibv_get_async_event(context, event);
}

VERBS_FORWARD(ibv_ack_async_event, "@@IBVERBS_1.1");
void compat_ibv_ack_async_event(ibv_async_event *event) {
    stable_ibv_ack_async_event(event);
}

VERBS_FORWARD(ibv_event_type_str, "@@IBVERBS_1.1");
const char *compat_ibv_event_type_str(ibv_event_type event) {
    return stable_ibv_event_type_str(event);
}

// Protection domains and memory.

VERBS_FORWARD(ibv_alloc_pd, "@@IBVERBS_1.1");
ibv_pd *compat_ibv_alloc_pd(ibv_context *context) {
    return stable_ibv_alloc_pd(context);
}

VERBS_FORWARD(ibv_dealloc_pd, "@@IBVERBS_1.1");
int compat_ibv_dealloc_pd(ibv_pd *pd) {
    return stable_ibv_dealloc_pd(pd);
}

VERBS_FORWARD(ibv_rereg_mr, "@@IBVERBS_1.1");
int compat_ibv_rereg_mr(ibv_mr *mr, int flags, ibv_pd *pd, void *addr, size_t length, int access) {
    return stable_ibv_rereg_mr(mr, flags, pd, addr, length, access);
}

VERBS_FORWARD(ibv_dereg_mr, "@@IBVERBS_1.1");
int compat_ibv_dereg_mr(ibv_mr *mr) {
    return stable_ibv_dereg_mr(mr);
}

VERBS_FORWARD(ibv_fork_init, "@@IBVERBS_1.1");
int compat_ibv_fork_init() {
    return stable_ibv_fork_init();
}

VERBS_FORWARD(ibv_is_fork_initialized, "@@IBVERBS_1.13");
ibv_fork_status compat_ibv_is_fork_initialized() {
    return stable_ibv_is_fork_initialized();
}

// Completion. The channel's two names had no change in 1.1 and so never left their first node.

VERBS_FORWARD(ibv_create_comp_channel, "@@IBVERBS_1.0");
ibv_comp_channel *compat_ibv_create_comp_channel(ibv_context *context) {
    return stable_ibv_create_comp_channel(context);
}

VERBS_FORWARD(ibv_destroy_comp_channel, "@@IBVERBS_1.0");
int compat_ibv_destroy_comp_channel(ibv_comp_channel *channel) {
    return stable_ibv_destroy_comp_channel(channel);
}

VERBS_FORWARD(ibv_create_cq, "@@IBVERBS_1.1");
ibv_cq *compat_ibv_create_cq(ibv_context *context, int cqe, void *cq_context,
                             ibv_comp_channel *channel, int comp_vector) {
    return stable_ibv_create_cq(context, cqe, cq_context, channel, comp_vector);
}

VERBS_FORWARD(ibv_resize_cq, "@@IBVERBS_1.1");
int compat_ibv_resize_cq(ibv_cq *cq, int cqe) {
    return stable_ibv_resize_cq(cq, cqe);
}

VERBS_FORWARD(ibv_destroy_cq, "@@IBVERBS_1.1");
int compat_ibv_destroy_cq(ibv_cq *cq) {
    return stable_ibv_destroy_cq(cq);
}

VERBS_FORWARD(ibv_get_cq_event, "@@IBVERBS_1.1");
int compat_ibv_get_cq_event(ibv_comp_channel *channel, ibv_cq **cq, void **cq_context) {
    return stable_ibv_get_cq_event(channel, cq, cq_context);
}

VERBS_FORWARD(ibv_ack_cq_events, "@@IBVERBS_1.1");
void compat_ibv_ack_cq_events(ibv_cq *cq, unsigned int nevents) {
    stable_ibv_ack_cq_events(cq, nevents);
}

VERBS_FORWARD(ibv_wc_status_str, "@@IBVERBS_1.1");
const char *compat_ibv_wc_status_str(ibv_wc_status status) {
    return stable_ibv_wc_status_str(status);
}

// Shared receive queues.

VERBS_FORWARD(ibv_create_srq, "@@IBVERBS_1.1");
ibv_srq *compat_ibv_create_srq(ibv_pd *pd, ibv_srq_init_attr *attr) {
    return stable_ibv_create_srq(pd, attr);
}

VERBS_FORWARD(ibv_modify_srq, "@@IBVERBS_1.1");
int compat_ibv_modify_srq(ibv_srq *srq, ibv_srq_attr *attr, int mask) {
    return stable_ibv_modify_srq(srq, attr, mask);
}

VERBS_FORWARD(ibv_query_srq, "@@IBVERBS_1.1");
int compat_ibv_query_srq(ibv_srq *srq, ibv_srq_attr *attr) {
    return stable_ibv_query_srq(srq, attr);
}

VERBS_FORWARD(ibv_destroy_srq, "@@IBVERBS_1.1");
int compat_ibv_destroy_srq(ibv_srq *srq) {
    return stable_ibv_destroy_srq(srq);
}

// Queue pairs.

VERBS_FORWARD(ibv_create_qp, "@@IBVERBS_1.1");
ibv_qp *compat_ibv_create_qp(ibv_pd *pd, ibv_qp_init_attr *attr) {
    return stable_ibv_create_qp(pd, attr);
}

VERBS_FORWARD(ibv_modify_qp, "@@IBVERBS_1.1");
int compat_ibv_modify_qp(ibv_qp *qp, ibv_qp_attr *attr, int mask) {
    return stable_ibv_modify_qp(qp, attr, mask);
}

VERBS_FORWARD(ibv_query_qp, "@@IBVERBS_1.1");
int compat_ibv_query_qp(ibv_qp *qp, ibv_qp_attr *attr, int mask, ibv_qp_init_attr *init_attr) {
    return stable_ibv_query_qp(qp, attr, mask, init_attr);
}

VERBS_FORWARD(ibv_destroy_qp, "@@IBVERBS_1.1");
int compat_ibv_destroy_qp(ibv_qp *qp) {
    return stable_ibv_destroy_qp(qp);
}

// Address handles and multicast.

VERBS_FORWARD(ibv_create_ah, "@@IBVERBS_1.1");
ibv_ah *compat_ibv_create_ah(ibv_pd *pd, ibv_ah_attr *attr) {
    return stable_ibv_create_ah(pd, attr);
}

VERBS_FORWARD(ibv_init_ah_from_wc, "@@IBVERBS_1.1");
int compat_ibv_init_ah_from_wc(ibv_context *context, uint8_t port_num, ibv_wc *wc, ibv_grh *grh,
                               ibv_ah_attr *attr) {
    return stable_ibv_init_ah_from_wc(context, port_num, wc, grh, attr);
}

VERBS_FORWARD(ibv_create_ah_from_wc, "@@IBVERBS_1.1");
ibv_ah *compat_ibv_create_ah_from_wc(ibv_pd *pd, ibv_wc *wc, ibv_grh *grh, uint8_t port_num) {
    return stable_ibv_create_ah_from_wc(pd, wc, grh, port_num);
}

VERBS_FORWARD(ibv_destroy_ah, "@@IBVERBS_1.1");
int compat_ibv_destroy_ah(ibv_ah *ah) {
    return stable_ibv_destroy_ah(ah);
}

VERBS_FORWARD(ibv_attach_mcast, "@@IBVERBS_1.1");
int compat_ibv_attach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid) {
    return stable_ibv_attach_mcast(qp, gid, lid);
}

VERBS_FORWARD(ibv_detach_mcast, "@@IBVERBS_1.1");
int compat_ibv_detach_mcast(ibv_qp *qp, const ibv_gid *gid, uint16_t lid) {
    return stable_ibv_detach_mcast(qp, gid, lid);
}

// Rates.

VERBS_FORWARD(ibv_rate_to_mult, "@@IBVERBS_1.0");
int compat_ibv_rate_to_mult(ibv_rate rate) {
    return stable_ibv_rate_to_mult(rate);
}

VERBS_FORWARD(mult_to_ibv_rate, "@@IBVERBS_1.0");
ibv_rate compat_mult_to_ibv_rate(int mult) {
    return stable_mult_to_ibv_rate(mult);
}

VERBS_FORWARD(ibv_rate_to_mbps, "@@IBVERBS_1.1");
int compat_ibv_rate_to_mbps(ibv_rate rate) {
    return stable_ibv_rate_to_mbps(rate);
}

VERBS_FORWARD(mbps_to_ibv_rate, "@@IBVERBS_1.1");
ibv_rate compat_mbps_to_ibv_rate(int mbps) {
    return stable_mbps_to_ibv_rate(mbps);
}
