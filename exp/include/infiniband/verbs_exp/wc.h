/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Polling a queue of cq.h in steps: start, read what the completion tells, step to the next, end.
 * Between start and end the queue may be locked, and nobody else may poll it. Status and wr_id are
 * members of the queue; everything else is read by call, so that only what is wanted is computed.
 *
 * The calls read the completion that was stepped to last. One whose flag (ibv_create_cq_wc_flags)
 * the queue was not made with must not be made: the pointer behind it may be NULL. When the status
 * is not IBV_WC_SUCCESS only the QP number and the vendor's code have a meaning.
 */
#ifndef INFINIBAND_VERBS_EXP_WC_H
#define INFINIBAND_VERBS_EXP_WC_H

#include <infiniband/verbs/wc.h>
#include <infiniband/verbs_exp/cq.h>
#include <infiniband/verbs_exp/types.h>

/* A tagged message. */
struct ibv_wc_tm_info {
    uint64_t tag;
    uint32_t priv; /* the sender's own */
};

#ifdef VERBS_HAVE_CQ_EX
/**
 * Begins to poll, and steps to the oldest completion.
 *
 * Never waits. After success ibv_end_poll has to follow, after a failure it must not.
 *
 * @param cq    the queue
 * @param attr  comp_mask 0; never NULL
 * Returns (errno): 0, or the error number.
 * Errors: ENOENT the queue is empty; EINVAL an unknown bit; others: the queue was overrun or the
 * device failed.
 * Source: IBTA volume 1, 11.4.2.1 Poll for Completion; in steps: libibverbs 1.2.1.
 */
static inline int ibv_start_poll(struct ibv_cq_ex *cq, struct ibv_poll_cq_attr *attr) {
    return cq->start_poll(cq, attr);
}

/**
 * Takes the completion that was read off the queue, and steps to the next.
 *
 * Whatever it returns, ibv_end_poll has to follow some time.
 *
 * @param cq  the queue, between ibv_start_poll and ibv_end_poll
 * Returns (errno): 0, or the error number; there is nothing to read then.
 * Errors: ENOENT the queue is empty; others: the queue was overrun or the device failed.
 * Source: IBTA volume 1, 11.4.2.1 Poll for Completion; in steps: libibverbs 1.2.1.
 */
static inline int ibv_next_poll(struct ibv_cq_ex *cq) {
    return cq->next_poll(cq);
}

/**
 * Ends what ibv_start_poll began; the completion that was read last leaves the queue too.
 *
 * @param cq  the queue
 * Returns (void).
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline void ibv_end_poll(struct ibv_cq_ex *cq) {
    cq->end_poll(cq);
}

/**
 * The kind of request that is done.
 *
 * @param cq  the queue
 * Returns (value): the opcode; meaningful for a success only.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline enum ibv_wc_opcode ibv_wc_read_opcode(struct ibv_cq_ex *cq) {
    return cq->read_opcode(cq);
}

/**
 * The vendor's code of a failure, for the vendor's support.
 *
 * @param cq  the queue
 * Returns (value): the code, no meaning across devices.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint32_t ibv_wc_read_vendor_err(struct ibv_cq_ex *cq) {
    return cq->read_vendor_err(cq);
}

/**
 * The size of the message.
 *
 * @param cq  the queue
 * Returns (value): bytes received, the GRH of a UD message included, or read.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint32_t ibv_wc_read_byte_len(struct ibv_cq_ex *cq) {
    return cq->read_byte_len(cq);
}

/**
 * The immediate data, when the completion's flags have IBV_WC_WITH_IMM.
 *
 * @param cq  the queue
 * Returns (value): the data, in network byte order as the sender gave it.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline __be32 ibv_wc_read_imm_data(struct ibv_cq_ex *cq) {
    return cq->read_imm_data(cq);
}

/**
 * The key that a message made void, when the flags have IBV_WC_WITH_INV.
 *
 * @param cq  the queue
 * Returns (value): the key, in host byte order.
 * Errors: none.
 * Source: rdma-core 44.
 */
static inline uint32_t ibv_wc_read_invalidated_rkey(struct ibv_cq_ex *cq) {
    /* One slot has both: a completion has data or a key, and the flags say which. */
    return (uint32_t)cq->read_imm_data(cq);
}

/**
 * The local QP.
 *
 * @param cq  the queue
 * Returns (value): its number.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint32_t ibv_wc_read_qp_num(struct ibv_cq_ex *cq) {
    return cq->read_qp_num(cq);
}

/**
 * UD: the sender's QP.
 *
 * @param cq  the queue
 * Returns (value): its number.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint32_t ibv_wc_read_src_qp(struct ibv_cq_ex *cq) {
    return cq->read_src_qp(cq);
}

/**
 * What more the completion tells.
 *
 * @param cq  the queue
 * Returns (value): enum ibv_wc_flags.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline unsigned int ibv_wc_read_wc_flags(struct ibv_cq_ex *cq) {
    return cq->read_wc_flags(cq);
}

/**
 * UD: the sender's LID.
 *
 * @param cq  the queue
 * Returns (value): the LID in host byte order.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint32_t ibv_wc_read_slid(struct ibv_cq_ex *cq) {
    return cq->read_slid(cq);
}

/**
 * UD: the service level.
 *
 * @param cq  the queue
 * Returns (value): from 0 to 15.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint8_t ibv_wc_read_sl(struct ibv_cq_ex *cq) {
    return cq->read_sl(cq);
}

/**
 * UD: the low bits of the LID that was addressed.
 *
 * @param cq  the queue
 * Returns (value): the bits.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint8_t ibv_wc_read_dlid_path_bits(struct ibv_cq_ex *cq) {
    return cq->read_dlid_path_bits(cq);
}

/**
 * When it was done, by the device's clock.
 *
 * @param cq  the queue
 * Returns (value): ticks; ibv_device_attr_ex has their frequency and how many bits count.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline uint64_t ibv_wc_read_completion_ts(struct ibv_cq_ex *cq) {
    return cq->read_completion_ts(cq);
}

/**
 * When it was done, by the clock on the wall.
 *
 * @param cq  the queue
 * Returns (value): nanoseconds of CLOCK_REALTIME.
 * Errors: none.
 * Source: rdma-core 44.
 */
static inline uint64_t ibv_wc_read_completion_wallclock_ns(struct ibv_cq_ex *cq) {
    return cq->read_completion_wallclock_ns(cq);
}

/**
 * The VLAN tag that was stripped from the packet.
 *
 * @param cq  the queue
 * Returns (value): priority, drop and identifier as in 802.1Q, host byte order.
 * Errors: none.
 * Source: rdma-core 44.
 */
static inline uint16_t ibv_wc_read_cvlan(struct ibv_cq_ex *cq) {
    return cq->read_cvlan(cq);
}

/**
 * The tag of the flow rule that steered the packet here.
 *
 * @param cq  the queue
 * Returns (value): the tag, 0 when the rule has none.
 * Errors: none.
 * Source: rdma-core 44.
 */
static inline uint32_t ibv_wc_read_flow_tag(struct ibv_cq_ex *cq) {
    return cq->read_flow_tag(cq);
}

/**
 * What the message of a completion with IBV_WC_TM_MATCH says of itself; zeros for any other.
 *
 * @param cq       the queue
 * @param tm_info  filled
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 44.
 */
static inline void ibv_wc_read_tm_info(struct ibv_cq_ex *cq, struct ibv_wc_tm_info *tm_info) {
    cq->read_tm_info(cq, tm_info);
}
#endif

#endif
