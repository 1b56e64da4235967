/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Queue pairs: the ends of communication, their states, and posting work to them.
 */
#ifndef INFINIBAND_VERBS_QP_H
#define INFINIBAND_VERBS_QP_H

#include <infiniband/verbs/ah.h>
#include <infiniband/verbs/api.h>
#include <infiniband/verbs/context.h>
#include <infiniband/verbs/port.h>
#include <infiniband/verbs/types.h>
#include <infiniband/verbs/wr.h>
#include <pthread.h>

enum ibv_qp_type {
    IBV_QPT_RC = 2, /* reliable, connected */
    IBV_QPT_UC,     /* unreliable, connected */
    IBV_QPT_UD,     /* datagrams */
    IBV_QPT_RAW_PACKET = 8,
    IBV_QPT_XRC_SEND = 9, /* experimental */
    IBV_QPT_XRC_RECV,     /* experimental */
    IBV_QPT_DRIVER = 0xff /* experimental */
};

struct ibv_qp_cap {
    uint32_t max_send_wr; /* requests outstanding in the send queue */
    uint32_t max_recv_wr; /* not looked at with a shared receive queue */
    uint32_t max_send_sge;
    uint32_t max_recv_sge;
    uint32_t max_inline_data; /* bytes */
};

struct ibv_qp_init_attr {
    void *qp_context; /* the program's */
    struct ibv_cq *send_cq;
    struct ibv_cq *recv_cq;
    struct ibv_srq *srq; /* or NULL for a receive queue of its own */
    struct ibv_qp_cap cap;
    enum ibv_qp_type qp_type;
    int sq_sig_all; /* nonzero: every send request completes, signaled or not */
};

/* Which members of ibv_qp_attr count. */
enum ibv_qp_attr_mask {
    IBV_QP_STATE = 1 << 0,
    IBV_QP_CUR_STATE = 1 << 1,
    IBV_QP_EN_SQD_ASYNC_NOTIFY = 1 << 2,
    IBV_QP_ACCESS_FLAGS = 1 << 3,
    IBV_QP_PKEY_INDEX = 1 << 4,
    IBV_QP_PORT = 1 << 5,
    IBV_QP_QKEY = 1 << 6,
    IBV_QP_AV = 1 << 7,
    IBV_QP_PATH_MTU = 1 << 8,
    IBV_QP_TIMEOUT = 1 << 9,
    IBV_QP_RETRY_CNT = 1 << 10,
    IBV_QP_RNR_RETRY = 1 << 11,
    IBV_QP_RQ_PSN = 1 << 12,
    IBV_QP_MAX_QP_RD_ATOMIC = 1 << 13,
    IBV_QP_ALT_PATH = 1 << 14,
    IBV_QP_MIN_RNR_TIMER = 1 << 15,
    IBV_QP_SQ_PSN = 1 << 16,
    IBV_QP_MAX_DEST_RD_ATOMIC = 1 << 17,
    IBV_QP_PATH_MIG_STATE = 1 << 18,
    IBV_QP_CAP = 1 << 19,
    IBV_QP_DEST_QPN = 1 << 20,
    IBV_QP_RATE_LIMIT = 1 << 25
};

/* IBTA volume 1, 10.3.1 (QP states). */
enum ibv_qp_state {
    IBV_QPS_RESET,
    IBV_QPS_INIT, /* receives may be posted */
    IBV_QPS_RTR,  /* receives */
    IBV_QPS_RTS,  /* receives and sends */
    IBV_QPS_SQD,  /* sending is drained */
    IBV_QPS_SQE,  /* a send failed (not RC); receiving goes on */
    IBV_QPS_ERR,  /* everything posted is flushed */
    IBV_QPS_UNKNOWN
};

enum ibv_mig_state { IBV_MIG_MIGRATED, IBV_MIG_REARM, IBV_MIG_ARMED };

struct ibv_qp_attr {
    enum ibv_qp_state qp_state;
    enum ibv_qp_state cur_qp_state;
    enum ibv_mtu path_mtu;
    enum ibv_mig_state path_mig_state;
    uint32_t qkey;
    uint32_t rq_psn;              /* 24 bits */
    uint32_t sq_psn;              /* 24 bits */
    uint32_t dest_qp_num;         /* 24 bits */
    unsigned int qp_access_flags; /* enum ibv_access_flags: the remote ones */
    struct ibv_qp_cap cap;
    struct ibv_ah_attr ah_attr;
    struct ibv_ah_attr alt_ah_attr;
    uint16_t pkey_index;
    uint16_t alt_pkey_index;
    uint8_t en_sqd_async_notify;
    uint8_t sq_draining;
    uint8_t max_rd_atomic;      /* reads and atomics outgoing at once */
    uint8_t max_dest_rd_atomic; /* reads and atomics incoming at once */
    uint8_t min_rnr_timer;      /* coded, 5 bits: 0 is 655.36 ms, 1 is 0.01 ms, 31 is 491.52 ms */
    uint8_t port_num;
    uint8_t timeout;   /* 4.096 us * 2^n, 5 bits; 0 waits for ever */
    uint8_t retry_cnt; /* 3 bits */
    uint8_t rnr_retry; /* 3 bits; 7 retries for ever */
    uint8_t alt_port_num;
    uint8_t alt_timeout;
    uint32_t rate_limit; /* kbit/s, raw packet QPs; touched only with IBV_QP_RATE_LIMIT */
};

struct ibv_qp {
    struct ibv_context *context;
    void *qp_context;
    struct ibv_pd *pd;
    struct ibv_cq *send_cq;
    struct ibv_cq *recv_cq;
    struct ibv_srq *srq;
    uint32_t handle;
    uint32_t qp_num;
    enum ibv_qp_state state; /* as of the last modify or query; the device may have moved on */
    enum ibv_qp_type qp_type;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t events_completed;
};

/**
 * Makes a queue pair in the state IBV_QPS_RESET.
 *
 * @param pd            protection domain
 * @param qp_init_attr  what is needed; on success cap is what there is, which is not less
 * Returns (pointer): the QP, or NULL with errno set.
 * Errors: EINVAL above the limits of the device, or objects of another device; EOPNOTSUPP the
 * device has no such type; EPERM the type needs a right the process lacks; ENOMEM.
 * Source: IBTA volume 1, 11.2.4.1 Create Queue Pair.
 */
VERBS_API struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *qp_init_attr);

/**
 * Changes attributes of a queue pair, most of all its state.
 *
 * Which attributes a change of state needs and allows depends on the type and on both states, and
 * is fixed by the specification; a mask that does not fit is refused as a whole.
 *
 * @param qp         the QP
 * @param attr       the new values
 * @param attr_mask  which of them count: enum ibv_qp_attr_mask
 * Returns (errno): 0, or the error number; then nothing has changed.
 * Errors: EINVAL the mask or a value does not fit; EHOSTUNREACH, ETIMEDOUT the link address of a
 * GID on Ethernet could not be found; ENOMEM; EOPNOTSUPP.
 * Source: IBTA volume 1, 11.2.4.2 Modify Queue Pair and 10.3.1.
 */
VERBS_API int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask);

/**
 * Reads the attributes of a queue pair.
 *
 * Members without their bit in the mask may be filled too, or be left alone.
 *
 * @param qp         the QP
 * @param attr       filled on success
 * @param attr_mask  what is needed at least: enum ibv_qp_attr_mask
 * @param init_attr  filled on success with what the QP was made with
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; ENOMEM; EOPNOTSUPP a bit the device cannot tell about.
 * Source: IBTA volume 1, 11.2.4.3 Query Queue Pair.
 */
VERBS_API int ibv_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int attr_mask,
                           struct ibv_qp_init_attr *init_attr);

/**
 * Ends a queue pair.
 *
 * Waits until every asynchronous event taken for it is acknowledged. Requests in it vanish, and so
 * do its completions that have not been polled.
 *
 * @param qp  the QP
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY it is attached to a multicast group; EINVAL.
 * Source: IBTA volume 1, 11.2.4.4 Destroy Queue Pair.
 */
VERBS_API int ibv_destroy_qp(struct ibv_qp *qp);

/**
 * Posts a list of requests to the send queue, to be carried out in order.
 *
 * Stops at the first request that does not go; those before it are posted. Buffers belong to the
 * device until the completion, those of an inline request until the call is back.
 *
 * @param qp      the QP, in a state that sends (in IBV_QPS_ERR requests are flushed)
 * @param wr      first of the list
 * @param bad_wr  on failure receives the request that did not go
 * Returns (errno): 0, or the error number.
 * Errors: ENOMEM the queue is full; EINVAL opcode, state, pieces or inline size do not fit.
 * Source: IBTA volume 1, 11.4.1.1 Post Send Request.
 */
static inline int ibv_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
                                struct ibv_send_wr **bad_wr) {
    return qp->context->ops.post_send(qp, wr, bad_wr);
}

/**
 * Posts a list of requests to the receive queue; messages fill them in order.
 *
 * Stops at the first request that does not go; those before it are posted. A UD QP puts 40 bytes of
 * header, of which the content counts with IBV_WC_GRH only, in front of each message.
 *
 * @param qp      the QP, not in IBV_QPS_RESET and made without a shared receive queue
 * @param wr      first of the list
 * @param bad_wr  on failure receives the request that did not go
 * Returns (errno): 0, or the error number.
 * Errors: ENOMEM the queue is full; EINVAL state, or too many pieces.
 * Source: IBTA volume 1, 11.4.1.2 Post Receive Request.
 */
static inline int ibv_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
                                struct ibv_recv_wr **bad_wr) {
    return qp->context->ops.post_recv(qp, wr, bad_wr);
}

#endif
