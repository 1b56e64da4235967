/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Device memory: a buffer on the device itself, which its operations reach without the bus.
 */
#ifndef INFINIBAND_VERBS_EXP_DM_H
#define INFINIBAND_VERBS_EXP_DM_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_alloc_dm_attr {
    size_t length;          /* bytes, up to ibv_device_attr_ex.max_dm_size */
    uint32_t log_align_req; /* the start is a multiple of 2^n; atomics may need it */
    uint32_t comp_mask;     /* 0 */
};

enum ibv_dm_mask { IBV_DM_MASK_HANDLE = 1 << 0 };

/* Programs read the handle; ibv_memcpy_to_dm and ibv_memcpy_from_dm use the pointers. */
struct ibv_dm {
    struct ibv_context *context;
    int (*memcpy_to_dm)(struct ibv_dm *dm, uint64_t dm_offset, const void *host_addr,
                        size_t length);
    int (*memcpy_from_dm)(void *host_addr, struct ibv_dm *dm, uint64_t dm_offset, size_t length);
    uint32_t comp_mask; /* enum ibv_dm_mask */

    uint32_t handle; /* with IBV_DM_MASK_HANDLE: for ibv_import_dm */
};

#ifdef VERBS_HAVE_DM
/**
 * Allocates memory of the device.
 *
 * @param context  an open device
 * @param attr     how much, and how it is aligned
 * Returns (pointer): the buffer, or NULL with errno set.
 * Errors: ENOMEM the device has not so much left; EINVAL; EOPNOTSUPP the device has none.
 * Source: rdma-core 18.
 */
VERBS_API struct ibv_dm *ibv_alloc_dm(struct ibv_context *context, struct ibv_alloc_dm_attr *attr);

/**
 * Gives device memory back.
 *
 * @param dm  the buffer
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a region of it is still registered; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 18.
 */
VERBS_API int ibv_free_dm(struct ibv_dm *dm);

/**
 * Copies from the process to the device.
 *
 * @param dm         the buffer
 * @param dm_offset  bytes from its start; a device may want multiples of 4
 * @param host_addr  what is copied
 * @param length     bytes; a device may want multiples of 4
 * Returns (errno): 0, or the error number.
 * Errors: EFAULT outside of the buffer; EINVAL.
 * Source: rdma-core 18.
 */
static inline int ibv_memcpy_to_dm(struct ibv_dm *dm, uint64_t dm_offset, const void *host_addr,
                                   size_t length) {
    return dm->memcpy_to_dm(dm, dm_offset, host_addr, length);
}

/**
 * Copies from the device to the process.
 *
 * @param host_addr  where it is copied to
 * @param dm         the buffer
 * @param dm_offset  bytes from its start; a device may want multiples of 4
 * @param length     bytes; a device may want multiples of 4
 * Returns (errno): 0, or the error number.
 * Errors: EFAULT outside of the buffer; EINVAL.
 * Source: rdma-core 18.
 */
static inline int ibv_memcpy_from_dm(void *host_addr, struct ibv_dm *dm, uint64_t dm_offset,
                                     size_t length) {
    return dm->memcpy_from_dm(host_addr, dm, dm_offset, length);
}

/**
 * Registers a part of device memory, so that work requests and peers can name it.
 *
 * ibv_dereg_mr ends it. Addresses count from 0 at the start of the region.
 *
 * @param pd         protection domain of the region
 * @param dm         the buffer
 * @param dm_offset  of the first byte in the buffer
 * @param length     bytes
 * @param access     enum ibv_access_flags, IBV_ACCESS_ZERO_BASED among them
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL a flag is unknown or missing, or the range outside of the buffer; EOPNOTSUPP;
 * ENOMEM.
 * Source: rdma-core 18.
 */
VERBS_API struct ibv_mr *ibv_reg_dm_mr(struct ibv_pd *pd, struct ibv_dm *dm, uint64_t dm_offset,
                                       size_t length, unsigned int access);
#endif

#ifdef VERBS_HAVE_DM_EXPORT
/**
 * Makes a dma-buf that stands for device memory, so that other devices can reach it.
 *
 * @param dm  the buffer
 * Returns (minus_one): a descriptor, which the program closes, or -1 with errno set.
 * Errors: EINVAL; EOPNOTSUPP no dma-buf can be made of the device's memory; EMFILE; ENOMEM.
 * Source: rdma-core 62.
 */
VERBS_API int ibv_dm_export_dmabuf_fd(struct ibv_dm *dm);
#endif

#endif
