/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Filling a send queue call by call, instead of with lists of struct ibv_send_wr. Between
 * ibv_wr_start and ibv_wr_complete or ibv_wr_abort a program builds requests; each is
 *
 *   qp->wr_id and qp->wr_flags (enum ibv_send_flags, without IBV_SEND_INLINE), which the next call
 *     reads: they keep their values until they are written again;
 *   one call that says what is to be done (ibv_wr_send, ibv_wr_rdma_write, ...), whose flag
 *     (ibv_qp_create_send_ops_flags) the QP was made with;
 *   on a UD or an XRC QP the one that says to whom (ibv_wr_set_ud_addr, ibv_wr_set_xrc_srqn);
 *   where there is data, one that says which (ibv_wr_set_sge, ibv_wr_set_inline_data, ...).
 *
 * Building cannot fail: whatever is wrong is reported by ibv_wr_complete, and then nothing of what
 * was built is posted. Other threads wait at ibv_wr_start, unless the QP has a thread domain.
 */
#ifndef INFINIBAND_VERBS_EXP_WR_H
#define INFINIBAND_VERBS_EXP_WR_H

#include <infiniband/verbs_exp/qp.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_QP_EX
/**
 * Begins to build requests.
 *
 * One of ibv_wr_complete and ibv_wr_abort has to follow in the same thread, and no ibv_post_send,
 * ibv_bind_mw or ibv_wr_start for this QP before: devices may hold its send queue meanwhile.
 *
 * @param qp  a QP in a state that sends
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_start(struct ibv_qp_ex *qp) {
    qp->wr_start(qp);
}

/**
 * Posts everything that was built since ibv_wr_start, or nothing of it.
 *
 * @param qp  the QP
 * Returns (errno): 0, or the error number; nothing is posted then.
 * Errors: ENOMEM the queue is full; EINVAL state, pieces, inline size or order of calls do not fit.
 * Source: IBTA volume 1, 11.4.1.1 Post Send Request; call by call: rdma-core 24.
 */
static inline int ibv_wr_complete(struct ibv_qp_ex *qp) {
    return qp->wr_complete(qp);
}

/**
 * Throws away everything that was built since ibv_wr_start.
 *
 * @param qp  the QP
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_abort(struct ibv_qp_ex *qp) {
    qp->wr_abort(qp);
}

/**
 * Sends a message, IBV_WR_SEND.
 *
 * @param qp  the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.1; rdma-core 24.
 */
static inline void ibv_wr_send(struct ibv_qp_ex *qp) {
    qp->wr_send(qp);
}

/**
 * Sends a message with immediate data, IBV_WR_SEND_WITH_IMM.
 *
 * @param qp        the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param imm_data  goes with the message, network byte order by convention
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.1; rdma-core 24.
 */
static inline void ibv_wr_send_imm(struct ibv_qp_ex *qp, __be32 imm_data) {
    qp->wr_send_imm(qp, imm_data);
}

/**
 * Sends a message that takes a key back at the peer, IBV_WR_SEND_WITH_INV.
 *
 * @param qp               the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param invalidate_rkey  key at the peer that is void when the message has arrived
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 10.6; rdma-core 24.
 */
static inline void ibv_wr_send_inv(struct ibv_qp_ex *qp, uint32_t invalidate_rkey) {
    qp->wr_send_inv(qp, invalidate_rkey);
}

/**
 * Sends a TCP stream cut into packets, each with the header in front, IBV_WR_TSO.
 *
 * @param qp      the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param hdr     headers of link, network and TCP; copied while posting
 * @param hdr_sz  bytes, up to ibv_qp_init_attr_ex.max_tso_header
 * @param mss     bytes of payload per packet
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: rdma-core 24.
 */
static inline void ibv_wr_send_tso(struct ibv_qp_ex *qp, void *hdr, uint16_t hdr_sz, uint16_t mss) {
    qp->wr_send_tso(qp, hdr, hdr_sz, mss);
}

/**
 * Writes to the peer's memory, IBV_WR_RDMA_WRITE.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  first byte in the peer's memory
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.3; rdma-core 24.
 */
static inline void ibv_wr_rdma_write(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr) {
    qp->wr_rdma_write(qp, rkey, remote_addr);
}

/**
 * Writes to the peer's memory and completes a receive there, IBV_WR_RDMA_WRITE_WITH_IMM.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  first byte in the peer's memory
 * @param imm_data     goes with the message, network byte order by convention
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.3; rdma-core 24.
 */
static inline void ibv_wr_rdma_write_imm(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                                         __be32 imm_data) {
    qp->wr_rdma_write_imm(qp, rkey, remote_addr, imm_data);
}

/**
 * Reads from the peer's memory, IBV_WR_RDMA_READ.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  first byte in the peer's memory
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.4; rdma-core 24.
 */
static inline void ibv_wr_rdma_read(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr) {
    qp->wr_rdma_read(qp, rkey, remote_addr);
}

/**
 * Swaps 8 bytes at the peer if they are as expected, IBV_WR_ATOMIC_CMP_AND_SWP.
 *
 * What was there before goes to the local buffer, in host byte order.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  the value in the peer's memory, at a multiple of 8
 * @param compare      what has to be there
 * @param swap         what takes its place then
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.5; rdma-core 24.
 */
static inline void ibv_wr_atomic_cmp_swp(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                                         uint64_t compare, uint64_t swap) {
    qp->wr_atomic_cmp_swp(qp, rkey, remote_addr, compare, swap);
}

/**
 * Adds to 8 bytes at the peer, IBV_WR_ATOMIC_FETCH_AND_ADD.
 *
 * What was there before goes to the local buffer, in host byte order.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  the value in the peer's memory, at a multiple of 8
 * @param add          what is added, modulo 2^64
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 9.4.5; rdma-core 24.
 */
static inline void ibv_wr_atomic_fetch_add(struct ibv_qp_ex *qp, uint32_t rkey,
                                           uint64_t remote_addr, uint64_t add) {
    qp->wr_atomic_fetch_add(qp, rkey, remote_addr, add);
}

/**
 * Writes 8 bytes to the peer's memory at once, IBV_WR_ATOMIC_WRITE.
 *
 * @param qp           the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param rkey         key of the peer's memory
 * @param remote_addr  the value in the peer's memory, at a multiple of 8
 * @param atomic_wr    8 bytes, copied while posting
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, annex A19; rdma-core 44.
 */
static inline void ibv_wr_atomic_write(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                                       const void *atomic_wr) {
    qp->wr_atomic_write(qp, rkey, remote_addr, atomic_wr);
}

/**
 * Binds a memory window, IBV_WR_BIND_MW.
 *
 * @param qp         the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param mw         a window of type 2
 * @param rkey       its new key: the old one with other low 8 bits, see ibv_inc_rkey
 * @param bind_info  what to bind to
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 10.6; rdma-core 24.
 */
static inline void ibv_wr_bind_mw(struct ibv_qp_ex *qp, struct ibv_mw *mw, uint32_t rkey,
                                  const struct ibv_mw_bind_info *bind_info) {
    qp->wr_bind_mw(qp, mw, rkey, bind_info);
}

/**
 * Takes a key back on this side, IBV_WR_LOCAL_INV.
 *
 * @param qp               the QP, between ibv_wr_start and ibv_wr_complete or ibv_wr_abort
 * @param invalidate_rkey  of a window of type 2
 * Returns (void).
 * Errors: reported by ibv_wr_complete.
 * Source: IBTA volume 1, 10.6; rdma-core 24.
 */
static inline void ibv_wr_local_inv(struct ibv_qp_ex *qp, uint32_t invalidate_rkey) {
    qp->wr_local_inv(qp, invalidate_rkey);
}
#endif

#endif
