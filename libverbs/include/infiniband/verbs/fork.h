/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Registered memory and fork: keeping a child's existence from moving the parent's pages away from
 * the device.
 */
#ifndef INFINIBAND_VERBS_FORK_H
#define INFINIBAND_VERBS_FORK_H

#include <infiniband/verbs/api.h>

enum ibv_fork_status {
    IBV_FORK_DISABLED,
    IBV_FORK_ENABLED,
    IBV_FORK_UNNEEDED /* the kernel copies pinned pages for the child: nothing to be done */
};

/**
 * Makes memory that is registered from now on safe when the process forks.
 *
 * Children then lack that memory. Verbs objects stay unusable in a child either way.
 *
 * Returns (errno): 0, also when it is not needed or was done before, or the error number.
 * Errors: EINVAL memory has been registered already; ENOMEM; ENOSYS the kernel cannot.
 * Source: libibverbs 1.1.
 */
VERBS_API int ibv_fork_init(void);

/**
 * Tells whether fork support is on, off, or not needed.
 *
 * Returns (value): one of enum ibv_fork_status.
 * Errors: none.
 * Source: rdma-core 35.
 */
VERBS_API enum ibv_fork_status ibv_is_fork_initialized(void);

#endif
