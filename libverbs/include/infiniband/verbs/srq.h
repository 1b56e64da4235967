/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shared receive queues: one pool of receive buffers for many QPs.
 */
#ifndef INFINIBAND_VERBS_SRQ_H
#define INFINIBAND_VERBS_SRQ_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/context.h>
#include <infiniband/verbs/types.h>
#include <infiniband/verbs/wr.h>
#include <pthread.h>

/* What ibv_modify_srq is to change. */
enum ibv_srq_attr_mask { IBV_SRQ_MAX_WR = 1 << 0, IBV_SRQ_LIMIT = 1 << 1 };

struct ibv_srq_attr {
    uint32_t max_wr;    /* requests there is room for */
    uint32_t max_sge;   /* per request */
    uint32_t srq_limit; /* an event is raised once when fewer requests are left; 0: none */
};

struct ibv_srq_init_attr {
    void *srq_context;        /* the program's */
    struct ibv_srq_attr attr; /* srq_limit is not looked at */
};

struct ibv_srq {
    struct ibv_context *context;
    void *srq_context;
    struct ibv_pd *pd;
    uint32_t handle;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t events_completed;
};

/**
 * Makes a shared receive queue.
 *
 * @param pd             protection domain of the buffers
 * @param srq_init_attr  what is needed; on success attr.max_wr and attr.max_sge are what there is,
 *                       which is not less
 * Returns (pointer): the queue, or NULL with errno set.
 * Errors: EINVAL above the limits of the device; ENOMEM; EOPNOTSUPP the device has none.
 * Source: IBTA volume 1, chapter 11.2 (Create Shared Receive Queue).
 */
VERBS_API struct ibv_srq *ibv_create_srq(struct ibv_pd *pd,
                                         struct ibv_srq_init_attr *srq_init_attr);

/**
 * Changes the size of a shared receive queue, arms its limit, or both.
 *
 * @param srq            the queue
 * @param srq_attr       the new values
 * @param srq_attr_mask  which of them count: enum ibv_srq_attr_mask
 * Returns (errno): 0, or the error number; then nothing has changed.
 * Errors: EINVAL unknown bits, a limit above the size, a size below the requests posted or above
 * the device's; EOPNOTSUPP the device cannot resize; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Modify Shared Receive Queue).
 */
VERBS_API int ibv_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *srq_attr, int srq_attr_mask);

/**
 * Reads the size and the limit of a shared receive queue; a limit that has fired reads as 0.
 *
 * @param srq       the queue
 * @param srq_attr  filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Query Shared Receive Queue).
 */
VERBS_API int ibv_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *srq_attr);

/**
 * Ends a shared receive queue that no QP uses any more.
 *
 * Waits until every asynchronous event taken for it is acknowledged. Requests in it vanish without
 * a completion.
 *
 * @param srq  the queue
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a QP still uses it; EINVAL.
 * Source: IBTA volume 1, chapter 11.2 (Destroy Shared Receive Queue).
 */
VERBS_API int ibv_destroy_srq(struct ibv_srq *srq);

/**
 * Posts a list of receive requests to a shared receive queue.
 *
 * Stops at the first request that does not go; those before it are posted.
 *
 * @param srq          the queue
 * @param recv_wr      first of the list
 * @param bad_recv_wr  on failure receives the request that did not go
 * Returns (errno): 0, or the error number.
 * Errors: ENOMEM the queue is full; EINVAL too many pieces in a request.
 * Source: IBTA volume 1, 11.4.1.2 Post Receive Request.
 */
static inline int ibv_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *recv_wr,
                                    struct ibv_recv_wr **bad_recv_wr) {
    return srq->context->ops.post_srq_recv(srq, recv_wr, bad_recv_wr);
}

#endif
