/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Domains beside the protection domain: which thread uses an object, and whose memory its queues
 * lie in.
 */
#ifndef INFINIBAND_VERBS_EXP_PD_H
#define INFINIBAND_VERBS_EXP_PD_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/pd.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_td_init_attr {
    uint32_t comp_mask; /* 0 */
};

struct ibv_td {
    struct ibv_context *context;
};

/* Which members of ibv_parent_domain_init_attr count beside pd and td. */
enum ibv_parent_domain_init_attr_mask {
    IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS = 1 << 0, /* alloc and free */
    IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT = 1 << 1,
    /* No member: buffers of ibv_alloc_buf may lie in memory that a protected guest shares. */
    IBV_PARENT_DOMAIN_INIT_ATTR_ALLOW_CC_UNPROTECTED_ALLOC = 1 << 2
};

/* Returned by alloc: the provider is to take its own memory. */
#define IBV_ALLOCATOR_USE_DEFAULT ((void *)-1)

struct ibv_parent_domain_init_attr {
    struct ibv_pd *pd;  /* the domain underneath, never NULL */
    struct ibv_td *td;  /* or NULL: any thread may use the objects */
    uint32_t comp_mask; /* enum ibv_parent_domain_init_attr_mask */
    /*
     * Called for queues of objects in the domain. Sizes are in bytes, memory is zeroed and stays
     * the parent's own over fork(); NULL is a failure. resource_type has the driver's number
     * (enum rdma_driver_id of <rdma/ib_user_ioctl_verbs.h>) in its upper half, its own code below.
     */
    void *(*alloc)(struct ibv_pd *pd, void *pd_context, size_t size, size_t alignment,
                   uint64_t resource_type);
    void (*free)(struct ibv_pd *pd, void *pd_context, void *ptr, uint64_t resource_type);
    void *pd_context; /* the program's, handed to both */
};

#ifdef VERBS_HAVE_PARENT_DOMAIN
/**
 * Makes a thread domain: a promise that objects made with it (through a parent domain) are used by
 * one thread at a time, so that they need no locks.
 *
 * @param context    an open device
 * @param init_attr  comp_mask 0
 * Returns (pointer): the domain, or NULL with errno set.
 * Errors: EINVAL; EOPNOTSUPP the provider gains nothing by it; ENOMEM.
 * Source: rdma-core 17.
 */
VERBS_API struct ibv_td *ibv_alloc_td(struct ibv_context *context,
                                      struct ibv_td_init_attr *init_attr);

/**
 * Ends a thread domain that nothing uses any more.
 *
 * @param td  the domain
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a parent domain still uses it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 17.
 */
VERBS_API int ibv_dealloc_td(struct ibv_td *td);

/**
 * Makes a parent domain: a protection domain together with a thread domain and allocators.
 *
 * It is legal wherever a protection domain is, and works together with everything in the one
 * underneath. ibv_dealloc_pd ends it, and leaves the other two alone.
 *
 * @param context  an open device
 * @param attr     its parts
 * Returns (pointer): the domain, or NULL with errno set.
 * Errors: EINVAL no protection domain, one allocator without the other, or an unknown bit;
 * EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 17.
 */
VERBS_API struct ibv_pd *ibv_alloc_parent_domain(struct ibv_context *context,
                                                 struct ibv_parent_domain_init_attr *attr);
#endif

#endif
