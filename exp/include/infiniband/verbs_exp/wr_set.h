/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second half of a request that is built call by call (wr.h): to whom it goes, and which data.
 * A request has at most one of each.
 */
#ifndef INFINIBAND_VERBS_EXP_WR_SET_H
#define INFINIBAND_VERBS_EXP_WR_SET_H

#include <infiniband/verbs/wr.h>
#include <infiniband/verbs_exp/types.h>
#include <infiniband/verbs_exp/wr.h>

/* A piece of local memory that is copied while posting, and needs no region. */
struct ibv_data_buf {
    void *addr;
    size_t length; /* bytes */
};

/* A list of descriptors. No call takes one so far. */
struct ibv_fd_arr {
    int *arr;
    uint32_t count;
};

#ifdef VERBS_HAVE_QP_EX
/**
 * Says to whom a UD QP sends the request that was built last.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param ah           the way to the peer
 * @param remote_qpn   24 bits
 * @param remote_qkey  with bit 31 set: the QP's own key is sent instead
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_ud_addr(struct ibv_qp_ex *qp, struct ibv_ah *ah, uint32_t remote_qpn,
                                      uint32_t remote_qkey) {
    qp->wr_set_ud_addr(qp, ah, remote_qpn, remote_qkey);
}

/**
 * Says which receive queue of the peer takes the request that was built last, on an XRC QP.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param remote_srqn  from ibv_get_srq_num at the peer
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_xrc_srqn(struct ibv_qp_ex *qp, uint32_t remote_srqn) {
    qp->wr_set_xrc_srqn(qp, remote_srqn);
}

/**
 * Gives the request that was built last one piece of local memory.
 *
 * @param qp      the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param lkey    of the region it lies in
 * @param addr    first byte
 * @param length  bytes
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_sge(struct ibv_qp_ex *qp, uint32_t lkey, uint64_t addr,
                                  uint32_t length) {
    qp->wr_set_sge(qp, lkey, addr, length);
}

/**
 * Gives the request that was built last several pieces of local memory, in order.
 *
 * @param qp       the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param num_sge  pieces in sg_list
 * @param sg_list  not kept after the call
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_sge_list(struct ibv_qp_ex *qp, size_t num_sge,
                                       const struct ibv_sge *sg_list) {
    qp->wr_set_sge_list(qp, num_sge, sg_list);
}

/**
 * Copies the data of the request that was built last, a send or a write.
 *
 * @param qp      the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param addr    first byte
 * @param length  bytes, up to ibv_qp_cap.max_inline_data
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_inline_data(struct ibv_qp_ex *qp, void *addr, size_t length) {
    qp->wr_set_inline_data(qp, addr, length);
}

/**
 * Copies the data of the request that was built last from several pieces, in order.
 *
 * @param qp        the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param num_buf   pieces in buf_list
 * @param buf_list  up to ibv_qp_cap.max_inline_data bytes together
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_set_inline_data_list(struct ibv_qp_ex *qp, size_t num_buf,
                                               const struct ibv_data_buf *buf_list) {
    qp->wr_set_inline_data_list(qp, num_buf, buf_list);
}
#endif

#endif
