/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Buffers that the library allocates in the way that is best for a device: on the software device
 * memory that peers map, to which RDMA is a copy without the kernel.
 */
#ifndef INFINIBAND_VERBS_EXP_BUFFER_H
#define INFINIBAND_VERBS_EXP_BUFFER_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/mr.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_ALLOC_BUF
/**
 * Allocates a buffer. Where the device has no way of its own, it is ordinary memory.
 *
 * @param pd    any protection domain, or parent domain, of the device
 * @param size  bytes
 * @param buf   gets the handle for the other calls
 * Returns (pointer): its first byte, zero and at a page boundary, or NULL with errno set.
 * Errors: EINVAL; ENOMEM; EMFILE.
 * Source: rdma-core 64.
 */
VERBS_API void *ibv_alloc_buf(struct ibv_pd *pd, size_t size, struct ibv_buf **buf);

/**
 * Frees a buffer, whose regions have been deregistered before, while its device is open.
 *
 * @param buf  the handle, or NULL
 * Returns (void).
 * Errors: none.
 * Source: rdma-core 64.
 */
VERBS_API void ibv_free_buf(struct ibv_buf *buf);

/**
 * Registers a buffer, or a part of it. ibv_dereg_mr ends the region.
 *
 * @param pd      protection domain of the region
 * @param buf     the buffer's handle
 * @param addr    first byte, inside of the buffer
 * @param length  bytes, not beyond the buffer's end
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL; as ibv_reg_mr.
 * Source: rdma-core 64.
 */
VERBS_API struct ibv_mr *ibv_reg_buf_mr(struct ibv_pd *pd, struct ibv_buf *buf, void *addr,
                                        size_t length, int access);

/**
 * Gives a descriptor of the dma-buf that is behind a buffer. No device here has one.
 *
 * @param buf  the buffer's handle
 * Returns (minus_one): -1 with errno set.
 * Errors: EINVAL; EOPNOTSUPP no dma-buf is behind it.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_export_buf_dmabuf_fd(struct ibv_buf *buf);
#endif

#endif
