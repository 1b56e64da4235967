/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Completion queues: where finished work requests are reported.
 */
#ifndef INFINIBAND_VERBS_CQ_H
#define INFINIBAND_VERBS_CQ_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/context.h>
#include <infiniband/verbs/types.h>
#include <infiniband/verbs/wc.h>
#include <pthread.h>

struct ibv_cq {
    struct ibv_context *context;
    struct ibv_comp_channel *channel;
    void *cq_context; /* the program's */
    uint32_t handle;
    int cqe; /* entries there is room for */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t comp_events_completed;
    uint32_t async_events_completed;
};

/**
 * Makes a completion queue.
 *
 * @param context      an open device
 * @param cqe          entries needed, from 1 to ibv_device_attr.max_cqe; there may be room for more
 * @param cq_context   the program's own, comes back with events
 * @param channel      where events go, or NULL for a CQ that is only polled
 * @param comp_vector  interrupt to use, from 0 and below context->num_comp_vectors
 * Returns (pointer): the queue, or NULL with errno set; cqe in it is the real size.
 * Errors: EINVAL size, vector or channel; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Create Completion Queue).
 */
VERBS_API struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
                                       struct ibv_comp_channel *channel, int comp_vector);

/**
 * Changes the size of a completion queue; completions in it are kept.
 *
 * @param cq   the queue; cqe in it is the real size afterwards
 * @param cqe  entries needed, from 1 to ibv_device_attr.max_cqe
 * Returns (errno): 0, or the error number; the queue is as it was then.
 * Errors: EINVAL size, or more completions waiting than would fit; ENOMEM; EOPNOTSUPP.
 * Source: IBTA volume 1, chapter 11.2 (Resize Completion Queue).
 */
VERBS_API int ibv_resize_cq(struct ibv_cq *cq, int cqe);

/**
 * Ends a completion queue that no QP or SRQ uses any more.
 *
 * Waits until every event that was taken for it, completion and asynchronous, is acknowledged.
 *
 * @param cq  the queue
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a QP still reports to it; EINVAL.
 * Source: IBTA volume 1, chapter 11.2 (Destroy Completion Queue).
 */
VERBS_API int ibv_destroy_cq(struct ibv_cq *cq);

/**
 * Acknowledges events taken with ibv_get_cq_event.
 *
 * A lock is taken: acknowledge many at once where speed matters.
 *
 * @param cq       the queue
 * @param nevents  how many
 * Returns (void).
 * Errors: none.
 * Source: libibverbs 1.0.
 */
VERBS_API void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int nevents);

/**
 * Takes completions out of a queue, oldest first.
 *
 * Never waits. Less than num_entries means that the queue was empty at that moment.
 *
 * @param cq           the queue
 * @param num_entries  room in wc
 * @param wc           filled from the start
 * Returns (count): how many were taken, 0 included, or a negative number.
 * Errors: the queue was overrun or the device failed; the number has no further meaning.
 * Source: IBTA volume 1, 11.4.2.1 Poll for Completion.
 */
static inline int ibv_poll_cq(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc) {
    return cq->context->ops.poll_cq(cq, num_entries, wc);
}

/**
 * Asks for one event when the next completion arrives.
 *
 * Completions that are in the queue already raise none: ask, poll until empty, then wait.
 *
 * @param cq              the queue, tied to a channel
 * @param solicited_only  nonzero: only a solicited or failed completion counts
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL.
 * Source: IBTA volume 1, 11.4.2.2 Request Completion Notification.
 */
static inline int ibv_req_notify_cq(struct ibv_cq *cq, int solicited_only) {
    return cq->context->ops.req_notify_cq(cq, solicited_only);
}

#endif
