/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory windows: remote rights to a part of a region, given and taken back by a work request
 * instead of a call into the kernel.
 */
#ifndef INFINIBAND_VERBS_MW_H
#define INFINIBAND_VERBS_MW_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

enum ibv_mw_type {
    IBV_MW_TYPE_1 = 1, /* bound by ibv_bind_mw; the provider picks the key */
    IBV_MW_TYPE_2 = 2  /* bound by a posted request, the caller picks the key: experimental */
};

struct ibv_mw {
    struct ibv_context *context;
    struct ibv_pd *pd;
    uint32_t rkey; /* changes with each bind */
    uint32_t handle;
    enum ibv_mw_type type;
};

struct ibv_mw_bind_info {
    struct ibv_mr *mr;
    uint64_t addr;                /* first byte, inside the region */
    uint64_t length;              /* bytes; 0 takes the window's rights back */
    unsigned int mw_access_flags; /* enum ibv_access_flags: remote flags and ZERO_BASED */
};

struct ibv_mw_bind {
    uint64_t wr_id;          /* comes back in the completion */
    unsigned int send_flags; /* enum ibv_send_flags */
    struct ibv_mw_bind_info bind_info;
};

/**
 * Makes a memory window that is bound to nothing yet.
 *
 * @param pd    protection domain; regions and QPs used with the window must share it
 * @param type  kind of window
 * Returns (pointer): the window, or NULL with errno set.
 * Errors: EOPNOTSUPP the device has no windows of this kind; EINVAL; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Allocate Memory Window).
 */
VERBS_API struct ibv_mw *ibv_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);

/**
 * Ends a memory window; its key is void from then on, bound or not.
 *
 * @param mw  the window
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL.
 * Source: IBTA volume 1, chapter 11.2 (Deallocate Memory Window).
 */
VERBS_API int ibv_dealloc_mw(struct ibv_mw *mw);

/**
 * Posts a request that binds a type 1 window, in order with the other requests of the send queue.
 *
 * On success mw->rkey is the key the window will have once the request completes; work requests
 * posted behind it on the same queue may use it at once.
 *
 * @param qp       queue to post to; of type RC or UC
 * @param mw       the window
 * @param mw_bind  what to bind to; not kept after the call
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL not a type 1 window, or memory named without a region; EPERM window and region
 * are of different protection domains; ENOMEM the send queue is full; EOPNOTSUPP.
 * Source: IBTA volume 1, chapter 11.2 (Bind Memory Window) and 10.6.
 */
VERBS_API int ibv_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *mw_bind);

/**
 * Computes the next key of the same window or region: the low 8 bits, the caller's part of a key,
 * count up and wrap without touching the rest.
 *
 * @param rkey  a remote key
 * Returns (value): the next one.
 * Errors: none.
 * Source: IBTA volume 1, 10.6 (the key portion of an R_Key).
 */
static inline uint32_t ibv_inc_rkey(uint32_t rkey) {
    return (rkey & 0xffffff00u) | ((rkey + 1u) & 0x000000ffu);
}

#endif
