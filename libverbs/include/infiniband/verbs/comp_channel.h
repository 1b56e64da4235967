/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Completion channels: sleeping until a CQ has something, instead of polling it.
 */
#ifndef INFINIBAND_VERBS_COMP_CHANNEL_H
#define INFINIBAND_VERBS_COMP_CHANNEL_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

struct ibv_comp_channel {
    struct ibv_context *context;
    int fd;     /* readable when an event waits; may be polled and made non-blocking */
    int refcnt; /* CQs that report here; the library's own */
};

/**
 * Makes a channel; CQs are tied to it when they are created.
 *
 * @param context  an open device
 * Returns (pointer): the channel, or NULL with errno set.
 * Errors: EMFILE; ENOMEM; EINVAL.
 * Source: libibverbs 1.1; stands for IBTA volume 1, 11.5.1 Set Completion Event Handler.
 */
VERBS_API struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *context);

/**
 * Ends a channel to which no CQ is tied any more.
 *
 * @param channel  the channel
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a CQ is still tied to it; EINVAL.
 * Source: libibverbs 1.1.
 */
VERBS_API int ibv_destroy_comp_channel(struct ibv_comp_channel *channel);

/**
 * Takes the next completion event from a channel, waiting for one unless the channel's fd is
 * non-blocking.
 *
 * One event follows one ibv_req_notify_cq. Each has to be acknowledged with ibv_ack_cq_events.
 *
 * @param channel     the channel
 * @param cq          receives the CQ the event is about
 * @param cq_context  receives that CQ's cq_context
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EAGAIN nothing waits and the fd is non-blocking; EINTR; EINVAL.
 * Source: libibverbs 1.1; stands for IBTA volume 1, 11.5.1 Set Completion Event Handler.
 */
VERBS_API int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq,
                               void **cq_context);

#endif
