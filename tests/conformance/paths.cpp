// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The attribute blocks of the state changes, as IBTA volume 1, 10.3.1 and table 91 ask for them.
#include "paths.hpp"

#include <algorithm>

namespace verbs_test {

namespace {

int source_index(ibv_context *context, const PathOptions &options) {
    return options.gid_index >= 0 ? options.gid_index : gid_index(context);
}

}  // namespace

Step to_state(ibv_qp_state state) {
    Step step;
    step.attr.qp_state = state;
    step.mask = IBV_QP_STATE;
    return step;
}

Step rc_init(const PathOptions &options) {
    Step step = to_state(IBV_QPS_INIT);
    step.attr.pkey_index = 0;
    step.attr.port_num = kPort;
    step.attr.qp_access_flags = static_cast<unsigned>(options.qp_access);
    step.mask |= IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS;
    return step;
}

ibv_ah_attr route_to(ibv_context *context, const ibv_gid &gid, const PathOptions &options) {
    ibv_ah_attr attr{};
    attr.is_global = 1;
    attr.port_num = kPort;
    // 0 on Ethernet; with InfiniBand link layer both sides are at our port.
    attr.dlid = port_attributes(context).lid;
    attr.grh.dgid = gid;
    attr.grh.sgid_index = static_cast<uint8_t>(source_index(context, options));
    attr.grh.hop_limit = 64;
    return attr;
}

Step rc_rtr(ibv_context *context, const QpAddress &peer, const PathOptions &options) {
    Step step = to_state(IBV_QPS_RTR);
    step.attr.ah_attr = route_to(context, peer.gid, options);
    step.attr.path_mtu = options.mtu;
    step.attr.dest_qp_num = peer.qp_num;
    step.attr.rq_psn = peer.psn;
    step.attr.max_dest_rd_atomic = static_cast<uint8_t>(
        std::min<int>(options.rd_atomic, device_limits(context).max_qp_rd_atom));
    step.attr.min_rnr_timer = options.min_rnr_timer;
    step.mask |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                 IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
    return step;
}

Step rc_rts(ibv_context *context, const PathOptions &options) {
    Step step = to_state(IBV_QPS_RTS);
    step.attr.timeout = options.timeout;
    step.attr.retry_cnt = options.retry_cnt;
    step.attr.rnr_retry = options.rnr_retry;
    step.attr.sq_psn = options.psn;
    step.attr.max_rd_atomic = static_cast<uint8_t>(
        std::min<int>(options.rd_atomic, device_limits(context).max_qp_init_rd_atom));
    step.mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                 IBV_QP_MAX_QP_RD_ATOMIC;
    return step;
}

Step uc_rtr(ibv_context *context, const QpAddress &peer, const PathOptions &options) {
    return rc_rtr(context, peer, options).without(IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
}

Step uc_rts(const PathOptions &options) {
    Step step = to_state(IBV_QPS_RTS);
    step.attr.sq_psn = options.psn;
    step.mask |= IBV_QP_SQ_PSN;
    return step;
}

Step ud_init(const PathOptions &options) {
    Step step = to_state(IBV_QPS_INIT);
    step.attr.pkey_index = 0;
    step.attr.port_num = kPort;
    step.attr.qkey = options.qkey;
    step.mask |= IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY;
    return step;
}

Step ud_rtr() {
    return to_state(IBV_QPS_RTR);
}

Step ud_rts(const PathOptions &options) {
    Step step = to_state(IBV_QPS_RTS);
    step.attr.sq_psn = options.psn;
    step.mask |= IBV_QP_SQ_PSN;
    return step;
}

QpAddress address_of(ibv_qp *qp, const PathOptions &options) {
    return {gid_at(qp->context, source_index(qp->context, options)), qp->qp_num, options.psn};
}

int connect_rc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options) {
    if (const int error = rc_init(options).apply(qp); error != 0) return error;
    if (const int error = rc_rtr(qp->context, peer, options).apply(qp); error != 0) return error;
    return rc_rts(qp->context, options).apply(qp);
}

int connect_uc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options) {
    if (const int error = rc_init(options).apply(qp); error != 0) return error;
    if (const int error = uc_rtr(qp->context, peer, options).apply(qp); error != 0) return error;
    return uc_rts(options).apply(qp);
}

int activate_ud(ibv_qp *qp, const PathOptions &options) {
    if (const int error = ud_init(options).apply(qp); error != 0) return error;
    if (const int error = ud_rtr().apply(qp); error != 0) return error;
    return ud_rts(options).apply(qp);
}

void must_connect_rc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options) {
    int error = 0;
    if (qp->state != IBV_QPS_RESET) error = to_state(IBV_QPS_RESET).apply(qp);
    if (error == 0) {
        error = qp->qp_type == IBV_QPT_UC ? connect_uc(qp, peer, options)
                                          : connect_rc(qp, peer, options);
    }
    if (error == 0) return;
    errno = error;
    give_up("connecting a queue pair");
}

ibv_qp_state state_of(ibv_qp *qp) {
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    if (const int error = ibv_query_qp(qp, &attr, IBV_QP_STATE, &init); error != 0) {
        errno = error;
        give_up("ibv_query_qp");
    }
    return attr.qp_state;
}

}  // namespace verbs_test
