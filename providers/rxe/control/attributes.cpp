// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "control/attributes.hpp"

#include "uverbs/device.hpp"

#include <algorithm>
#include <climits>
#include <cstring>
#include <utility>

namespace rxe {

// Numbers that pass through unchanged.
static_assert(static_cast<int>(IBV_QPT_RC) == IB_UVERBS_QPT_RC);
static_assert(static_cast<int>(IBV_QPT_UC) == IB_UVERBS_QPT_UC);
static_assert(static_cast<int>(IBV_QPT_UD) == IB_UVERBS_QPT_UD);
static_assert(static_cast<int>(IBV_ACCESS_HUGETLB) == IB_UVERBS_ACCESS_HUGETLB);
static_assert(static_cast<int>(IBV_ACCESS_ON_DEMAND) == IB_UVERBS_ACCESS_ON_DEMAND);
static_assert(static_cast<int>(IBV_ACCESS_RELAXED_ORDERING) == IB_UVERBS_ACCESS_RELAXED_ORDERING);
static_assert(static_cast<int>(IBV_QPF_GRH_REQUIRED) == IB_UVERBS_QPF_GRH_REQUIRED);

namespace {

// Limits are signed for programs.
int limit(uint32_t value) {
    return static_cast<int>(std::min<uint32_t>(value, INT_MAX));
}

// Programs and the kernel have a way in structs of several shapes, with the same names in them.
template <class From, class To>
void copy_grh(const From &from, To &to) {
    to.flow_label = from.flow_label;
    to.sgid_index = from.sgid_index;
    to.hop_limit = from.hop_limit;
    to.traffic_class = from.traffic_class;
}

template <class From, class To>
void copy_way(const From &from, To &to) {
    to.dlid = from.dlid;
    to.sl = from.sl;
    to.src_path_bits = from.src_path_bits;
    to.static_rate = from.static_rate;
    to.is_global = from.is_global;
    to.port_num = from.port_num;
}

ib_uverbs_qp_dest to_dest(const ibv_ah_attr &attr) {
    ib_uverbs_qp_dest dest{};
    std::memcpy(dest.dgid, attr.grh.dgid.raw, sizeof dest.dgid);
    copy_grh(attr.grh, dest);
    copy_way(attr, dest);
    return dest;
}

ibv_ah_attr from_dest(const ib_uverbs_qp_dest &dest) {
    ibv_ah_attr attr{};
    std::memcpy(attr.grh.dgid.raw, dest.dgid, sizeof dest.dgid);
    copy_grh(dest, attr.grh);
    copy_way(dest, attr);
    return attr;
}

// A number of the kernel as an enumeration of programs, whatever it is.
template <class Enum>
Enum as(uint32_t number) {
    static_assert(sizeof(Enum) == sizeof number);
    Enum value{};
    std::memcpy(&value, &number, sizeof value);
    return value;
}

}  // namespace

ibv_device_attr to_public(const ib_uverbs_query_device_resp &told) {
    ibv_device_attr attr{};
    verbs::uverbs::write_firmware_version(told.fw_ver, std::span(attr.fw_ver).first<24>());
    attr.node_guid = told.node_guid;
    attr.sys_image_guid = told.sys_image_guid;
    attr.max_mr_size = told.max_mr_size;
    attr.page_size_cap = told.page_size_cap;
    attr.vendor_id = told.vendor_id;
    attr.vendor_part_id = told.vendor_part_id;
    attr.hw_ver = told.hw_ver;
    attr.max_qp = limit(told.max_qp);
    attr.max_qp_wr = limit(told.max_qp_wr);
    attr.device_cap_flags = told.device_cap_flags;
    attr.max_sge = limit(told.max_sge);
    attr.max_sge_rd = limit(told.max_sge_rd);
    attr.max_cq = limit(told.max_cq);
    attr.max_cqe = limit(told.max_cqe);
    attr.max_mr = limit(told.max_mr);
    attr.max_pd = limit(told.max_pd);
    attr.max_qp_rd_atom = limit(told.max_qp_rd_atom);
    attr.max_ee_rd_atom = limit(told.max_ee_rd_atom);
    attr.max_res_rd_atom = limit(told.max_res_rd_atom);
    attr.max_qp_init_rd_atom = limit(told.max_qp_init_rd_atom);
    attr.max_ee_init_rd_atom = limit(told.max_ee_init_rd_atom);
    attr.atomic_cap = as<ibv_atomic_cap>(told.atomic_cap);
    attr.max_ee = limit(told.max_ee);
    attr.max_rdd = limit(told.max_rdd);
    attr.max_mw = limit(told.max_mw);
    attr.max_raw_ipv6_qp = limit(told.max_raw_ipv6_qp);
    attr.max_raw_ethy_qp = limit(told.max_raw_ethy_qp);
    attr.max_mcast_grp = limit(told.max_mcast_grp);
    attr.max_mcast_qp_attach = limit(told.max_mcast_qp_attach);
    attr.max_total_mcast_qp_attach = limit(told.max_total_mcast_qp_attach);
    attr.max_ah = limit(told.max_ah);
    attr.max_fmr = limit(told.max_fmr);
    attr.max_map_per_fmr = limit(told.max_map_per_fmr);
    attr.max_srq = limit(told.max_srq);
    attr.max_srq_wr = limit(told.max_srq_wr);
    attr.max_srq_sge = limit(told.max_srq_sge);
    attr.max_pkeys = told.max_pkeys;
    attr.local_ca_ack_delay = told.local_ca_ack_delay;
    attr.phys_port_cnt = told.phys_port_cnt;
    return attr;
}

ibv_port_attr to_public(const ib_uverbs_query_port_resp_ex &told) {
    const ib_uverbs_query_port_resp &port = told.legacy_resp;
    ibv_port_attr attr{};
    attr.state = as<ibv_port_state>(port.state);
    attr.max_mtu = as<ibv_mtu>(port.max_mtu);
    attr.active_mtu = as<ibv_mtu>(port.active_mtu);
    attr.gid_tbl_len = limit(port.gid_tbl_len);
    attr.port_cap_flags = port.port_cap_flags;
    attr.max_msg_sz = port.max_msg_sz;
    attr.bad_pkey_cntr = port.bad_pkey_cntr;
    attr.qkey_viol_cntr = port.qkey_viol_cntr;
    attr.pkey_tbl_len = port.pkey_tbl_len;
    attr.lid = port.lid;
    attr.sm_lid = port.sm_lid;
    attr.lmc = port.lmc;
    attr.max_vl_num = port.max_vl_num;
    attr.sm_sl = port.sm_sl;
    attr.subnet_timeout = port.subnet_timeout;
    attr.init_type_reply = port.init_type_reply;
    attr.active_width = port.active_width;
    attr.active_speed = port.active_speed;
    attr.phys_state = port.phys_state;
    attr.link_layer = port.link_layer;
    attr.flags = port.flags;
    attr.port_cap_flags2 = told.port_cap_flags2;
    return attr;
}

ib_uverbs_ah_attr to_kernel(const ibv_ah_attr &attr) {
    ib_uverbs_ah_attr way{};
    std::memcpy(way.grh.dgid, attr.grh.dgid.raw, sizeof way.grh.dgid);
    copy_grh(attr.grh, way.grh);
    copy_way(attr, way);
    return way;
}

// What the mask does not name is not set in programs' structs, and the kernel does not look at it.
ib_uverbs_modify_qp to_kernel(uint32_t handle, const ibv_qp_attr &attr, int mask) {
    ib_uverbs_modify_qp change{};
    const auto has = [mask](int bit) { return (mask & bit) != 0; };
    change.qp_handle = handle;
    change.attr_mask = static_cast<uint32_t>(mask);
    if (has(IBV_QP_STATE)) change.qp_state = static_cast<uint8_t>(attr.qp_state);
    if (has(IBV_QP_CUR_STATE)) change.cur_qp_state = static_cast<uint8_t>(attr.cur_qp_state);
    if (has(IBV_QP_EN_SQD_ASYNC_NOTIFY)) change.en_sqd_async_notify = attr.en_sqd_async_notify;
    if (has(IBV_QP_ACCESS_FLAGS)) change.qp_access_flags = attr.qp_access_flags;
    if (has(IBV_QP_PKEY_INDEX)) change.pkey_index = attr.pkey_index;
    if (has(IBV_QP_PORT)) change.port_num = attr.port_num;
    if (has(IBV_QP_QKEY)) change.qkey = attr.qkey;
    if (has(IBV_QP_AV)) change.dest = to_dest(attr.ah_attr);
    if (has(IBV_QP_PATH_MTU)) change.path_mtu = static_cast<uint8_t>(attr.path_mtu);
    if (has(IBV_QP_TIMEOUT)) change.timeout = attr.timeout;
    if (has(IBV_QP_RETRY_CNT)) change.retry_cnt = attr.retry_cnt;
    if (has(IBV_QP_RNR_RETRY)) change.rnr_retry = attr.rnr_retry;
    if (has(IBV_QP_RQ_PSN)) change.rq_psn = attr.rq_psn;
    if (has(IBV_QP_MAX_QP_RD_ATOMIC)) change.max_rd_atomic = attr.max_rd_atomic;
    if (has(IBV_QP_ALT_PATH)) {
        change.alt_dest = to_dest(attr.alt_ah_attr);
        change.alt_pkey_index = attr.alt_pkey_index;
        change.alt_port_num = attr.alt_port_num;
        change.alt_timeout = attr.alt_timeout;
    }
    if (has(IBV_QP_MIN_RNR_TIMER)) change.min_rnr_timer = attr.min_rnr_timer;
    if (has(IBV_QP_SQ_PSN)) change.sq_psn = attr.sq_psn;
    if (has(IBV_QP_MAX_DEST_RD_ATOMIC)) change.max_dest_rd_atomic = attr.max_dest_rd_atomic;
    if (has(IBV_QP_PATH_MIG_STATE))
        change.path_mig_state = static_cast<uint8_t>(attr.path_mig_state);
    if (has(IBV_QP_DEST_QPN)) change.dest_qp_num = attr.dest_qp_num;
    return change;
}

void to_public(const ib_uverbs_query_qp_resp &told, ibv_qp_attr &attr,
               ibv_qp_init_attr &init_attr) {
    attr.qp_state = as<ibv_qp_state>(told.qp_state);
    attr.cur_qp_state = as<ibv_qp_state>(told.cur_qp_state);
    attr.path_mtu = as<ibv_mtu>(told.path_mtu);
    attr.path_mig_state = as<ibv_mig_state>(told.path_mig_state);
    attr.qkey = told.qkey;
    attr.rq_psn = told.rq_psn;
    attr.sq_psn = told.sq_psn;
    attr.dest_qp_num = told.dest_qp_num;
    attr.qp_access_flags = told.qp_access_flags;
    attr.cap = {told.max_send_wr, told.max_recv_wr, told.max_send_sge, told.max_recv_sge,
                told.max_inline_data};
    attr.ah_attr = from_dest(told.dest);
    attr.alt_ah_attr = from_dest(told.alt_dest);
    attr.pkey_index = told.pkey_index;
    attr.alt_pkey_index = told.alt_pkey_index;
    attr.en_sqd_async_notify = 0;  // the kernel does not tell
    attr.sq_draining = told.sq_draining;
    attr.max_rd_atomic = told.max_rd_atomic;
    attr.max_dest_rd_atomic = told.max_dest_rd_atomic;
    attr.min_rnr_timer = told.min_rnr_timer;
    attr.port_num = told.port_num;
    attr.timeout = told.timeout;
    attr.retry_cnt = told.retry_cnt;
    attr.rnr_retry = told.rnr_retry;
    attr.alt_port_num = told.alt_port_num;
    attr.alt_timeout = told.alt_timeout;
    init_attr.cap = attr.cap;
    init_attr.sq_sig_all = told.sq_sig_all;
}

verbs::Failure naming(verbs::Error error, const std::string &subject) {
    error.phrase += " (" + subject + ")";
    return verbs::Failure(std::move(error));
}

const char *name_of(ibv_qp_state state) {
    static constexpr const char *kNames[] = {"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"};
    return state >= IBV_QPS_RESET && state <= IBV_QPS_ERR ? kNames[state] : "a state unknown";
}

ib_uverbs_qp_cap to_kernel(const ibv_qp_cap &cap) {
    return {cap.max_send_wr, cap.max_recv_wr, cap.max_send_sge, cap.max_recv_sge,
            cap.max_inline_data};
}

ibv_qp_cap to_public(const ib_uverbs_qp_cap &cap) {
    return {cap.max_send_wr, cap.max_recv_wr, cap.max_send_sge, cap.max_recv_sge,
            cap.max_inline_data};
}

}  // namespace rxe
