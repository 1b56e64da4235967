// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "part.hpp"

#include <infiniband/verbs.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace {

using together::Gid;

ibv_context *open_device(const char *name) {
    ibv_context *context = nullptr;
    ibv_device **const list = ibv_get_device_list(nullptr);
    if (list == nullptr) return nullptr;
    for (ibv_device **device = list; *device != nullptr && context == nullptr; ++device)
        if (std::strcmp(ibv_get_device_name(*device), name) == 0)
            context = ibv_open_device(*device);
    ibv_free_device_list(list);
    return context;
}

Gid gid(ibv_context *context) {
    ibv_gid first{};
    Gid copy{};
    if (ibv_query_gid(context, 1, 0, &first) == 0) std::memcpy(&copy, &first, sizeof copy);
    return copy;
}

ibv_mr *reg_mr(ibv_pd *pd, void *addr, std::size_t length) {
    return ibv_reg_mr(pd, addr, length, IBV_ACCESS_LOCAL_WRITE);
}

ibv_cq *create_cq(ibv_context *context) {
#ifdef PART_IS_EXTENDED
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 8;
    ibv_cq_ex *const cq = ibv_create_cq_ex(context, &attr);
    return cq != nullptr ? ibv_cq_ex_to_cq(cq) : nullptr;
#else
    return ibv_create_cq(context, 8, nullptr, nullptr, 0);
#endif
}

ibv_qp *create_qp(ibv_pd *pd, ibv_cq *cq) {
#ifdef PART_IS_EXTENDED
    ibv_qp_init_attr_ex attr{};
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    attr.send_ops_flags = IBV_QP_EX_WITH_SEND;
    attr.pd = pd;
#else
    ibv_qp_init_attr attr{};
#endif
    attr.qp_type = IBV_QPT_RC;
    attr.send_cq = attr.recv_cq = cq;
    attr.cap.max_send_wr = attr.cap.max_recv_wr = 4;
    attr.cap.max_send_sge = attr.cap.max_recv_sge = 1;
    attr.sq_sig_all = 1;
#ifdef PART_IS_EXTENDED
    return ibv_create_qp_ex(pd->context, &attr);
#else
    return ibv_create_qp(pd, &attr);
#endif
}

int connect(ibv_qp *qp, std::uint32_t peer, const Gid &gid) {
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    if (const int code = ibv_modify_qp(
            qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
        return code;
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = peer;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    std::memcpy(&attr.ah_attr.grh.dgid, &gid, sizeof gid);
    attr.ah_attr.grh.hop_limit = 1;
    attr.ah_attr.port_num = 1;
    if (const int code =
            ibv_modify_qp(qp, &attr,
                          IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                              IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
        return code;
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 14;
    attr.retry_cnt = attr.rnr_retry = 7;
    attr.max_rd_atomic = 1;
    return ibv_modify_qp(qp, &attr,
                         IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                             IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
}

ibv_sge all_of(const ibv_mr *mr, std::uint32_t length) {
    return {reinterpret_cast<std::uintptr_t>(mr->addr), length, mr->lkey};
}

int post_recv(ibv_qp *qp, ibv_mr *mr, std::uint32_t length) {
    ibv_sge sge = all_of(mr, length);
    ibv_recv_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    return ibv_post_recv(qp, &wr, &bad);
}

int post_send(ibv_qp *qp, ibv_mr *mr, std::uint32_t length) {
    ibv_sge sge = all_of(mr, length);
#ifdef PART_IS_EXTENDED
    ibv_qp_ex *const builder = ibv_qp_to_qp_ex(qp);
    if (builder == nullptr) return EINVAL;
    ibv_wr_start(builder);
    ibv_wr_send(builder);
    ibv_wr_set_sge(builder, sge.lkey, sge.addr, sge.length);
    return ibv_wr_complete(builder);
#else
    ibv_send_wr wr{};
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    ibv_send_wr *bad = nullptr;
    return ibv_post_send(qp, &wr, &bad);
#endif
}

int wait(ibv_cq *cq) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    ibv_wc wc{};
    int count = 0;
    do {
        count = ibv_poll_cq(cq, 1, &wc);
    } while (count == 0 && std::chrono::steady_clock::now() < end);
    return count == 1 ? static_cast<int>(wc.status) : -1;
}

#ifdef PART_HAS_SLOTS
ibv_cq *create_cq_by_slot(ibv_context *context) {
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 8;
    ibv_cq_ex *const cq = ibv_create_cq_ex(context, &attr);
    return cq != nullptr ? ibv_cq_ex_to_cq(cq) : nullptr;
}
#endif

constexpr together::Part kPart = {
    .library = PART_LIBRARY,
    .open_device = &open_device,
    .close_device = [](ibv_context *context) { return ibv_close_device(context); },
    .gid = &gid,
    .alloc_pd = [](ibv_context *context) { return ibv_alloc_pd(context); },
    .dealloc_pd = [](ibv_pd *pd) { return ibv_dealloc_pd(pd); },
    .reg_mr = &reg_mr,
    .dereg_mr = [](ibv_mr *mr) { return ibv_dereg_mr(mr); },
    .create_cq = &create_cq,
    .destroy_cq = [](ibv_cq *cq) { return ibv_destroy_cq(cq); },
    .create_qp = &create_qp,
    .destroy_qp = [](ibv_qp *qp) { return ibv_destroy_qp(qp); },
    .qp_num = [](ibv_qp *qp) { return qp->qp_num; },
    .connect = &connect,
    .post_recv = &post_recv,
    .post_send = &post_send,
    .wait = &wait,
#ifdef PART_HAS_SLOTS
    .create_cq_by_slot = &create_cq_by_slot,
#else
    .create_cq_by_slot = nullptr,
#endif
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const together::Part *together_part() {
    return &kPart;
}
