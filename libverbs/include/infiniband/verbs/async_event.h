/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asynchronous events: what happens to objects and ports without a work request.
 */
#ifndef INFINIBAND_VERBS_ASYNC_EVENT_H
#define INFINIBAND_VERBS_ASYNC_EVENT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/* IBTA volume 1, 11.6.3 (asynchronous events). In brackets: the member of element that is set. */
enum ibv_event_type {
    IBV_EVENT_CQ_ERR,              /* [cq] overrun or broken */
    IBV_EVENT_QP_FATAL,            /* [qp] the device cannot report an error by a completion */
    IBV_EVENT_QP_REQ_ERR,          /* [qp] a request of the peer was invalid */
    IBV_EVENT_QP_ACCESS_ERR,       /* [qp] a request of the peer lacked the right */
    IBV_EVENT_COMM_EST,            /* [qp] first message arrived in IBV_QPS_RTR */
    IBV_EVENT_SQ_DRAINED,          /* [qp] asked for with en_sqd_async_notify */
    IBV_EVENT_PATH_MIG,            /* [qp] the alternate path is in use */
    IBV_EVENT_PATH_MIG_ERR,        /* [qp] */
    IBV_EVENT_DEVICE_FATAL,        /* [] the device is lost */
    IBV_EVENT_PORT_ACTIVE,         /* [port_num] */
    IBV_EVENT_PORT_ERR,            /* [port_num] */
    IBV_EVENT_LID_CHANGE,          /* [port_num] */
    IBV_EVENT_PKEY_CHANGE,         /* [port_num] */
    IBV_EVENT_SM_CHANGE,           /* [port_num] */
    IBV_EVENT_SRQ_ERR,             /* [srq] */
    IBV_EVENT_SRQ_LIMIT_REACHED,   /* [srq] fewer requests left than srq_limit */
    IBV_EVENT_QP_LAST_WQE_REACHED, /* [qp] takes nothing more from its shared receive queue */
    IBV_EVENT_CLIENT_REREGISTER,   /* [port_num] the subnet manager forgot subscriptions */
    IBV_EVENT_GID_CHANGE,          /* [port_num] */
    IBV_EVENT_WQ_FATAL,            /* [wq] experimental */
    IBV_EVENT_DEVICE_SPEED_CHANGE  /* [port_num] the speed of its link is another */
};

struct ibv_async_event {
    union {
        struct ibv_cq *cq;
        struct ibv_qp *qp;
        struct ibv_srq *srq;
        struct ibv_wq *wq;
        int port_num; /* counted from 1 */
    } element;
    enum ibv_event_type event_type;
};

/**
 * Takes the next asynchronous event of a device, waiting for one unless context->async_fd is
 * non-blocking.
 *
 * Each has to be acknowledged with ibv_ack_async_event: destroying the object waits for that.
 *
 * @param context  an open device
 * @param event    filled on success
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EAGAIN nothing waits and the fd is non-blocking; EINTR; EIO the device is gone; EINVAL.
 * Source: libibverbs 1.0; stands for IBTA volume 1, 11.5.2 Set Asynchronous Event Handler.
 */
VERBS_API int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event);

/**
 * Acknowledges an event taken with ibv_get_async_event, once.
 *
 * @param event  the event, unchanged
 * Returns (void).
 * Errors: none.
 * Source: libibverbs 1.0.
 */
VERBS_API void ibv_ack_async_event(struct ibv_async_event *event);

/**
 * Describes an event type.
 *
 * @param event  any number
 * Returns (value): a constant string, never NULL; "unknown" for a number without a meaning.
 * Errors: none.
 * Source: libibverbs 1.1.2.
 */
VERBS_API const char *ibv_event_type_str(enum ibv_event_type event);

#endif
