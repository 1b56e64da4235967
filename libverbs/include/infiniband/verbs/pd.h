/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Protection domains: queues and memory work together only inside one.
 */
#ifndef INFINIBAND_VERBS_PD_H
#define INFINIBAND_VERBS_PD_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

struct ibv_pd {
    struct ibv_context *context;
    uint32_t handle;
};

/**
 * Makes a protection domain.
 *
 * @param context  an open device
 * Returns (pointer): the domain, or NULL with errno set.
 * Errors: ENOMEM out of memory, or of domains in the device; EINVAL.
 * Source: IBTA volume 1, 11.2.1.5 Allocate Protection Domain.
 */
VERBS_API struct ibv_pd *ibv_alloc_pd(struct ibv_context *context);

/**
 * Ends a protection domain that nothing uses any more.
 *
 * @param pd  the domain
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a region, window, queue or address handle is still in it; EINVAL.
 * Source: IBTA volume 1, 11.2.1.6 Deallocate Protection Domain.
 */
VERBS_API int ibv_dealloc_pd(struct ibv_pd *pd);

#endif
