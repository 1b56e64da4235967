/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory regions of other kinds than the stable API has, and advice about regions. Regions of
 * device memory are in dm.h.
 */
#ifndef INFINIBAND_VERBS_EXP_MR_H
#define INFINIBAND_VERBS_EXP_MR_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/mr.h>
#include <infiniband/verbs/wr.h>
#include <infiniband/verbs_exp/types.h>

enum ibv_advise_mr_advice {
    IBV_ADVISE_MR_ADVICE_PREFETCH,         /* the device will read */
    IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,   /* the device will read and write */
    IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT /* only pages that are in memory already */
};

/* Which members of ibv_mr_init_attr count beside length and access. */
enum ibv_mr_init_attr_mask {
    IBV_REG_MR_MASK_IOVA = 1 << 0, /* without: addr, or fd_offset */
    IBV_REG_MR_MASK_ADDR = 1 << 1, /* this or the next, and not both */
    IBV_REG_MR_MASK_FD = 1 << 2,
    IBV_REG_MR_MASK_FD_OFFSET = 1 << 3, /* without: 0 */
    IBV_REG_MR_MASK_DMAH = 1 << 4,
    IBV_REG_MR_MASK_BUF = 1 << 5
};

struct ibv_mr_init_attr {
    size_t length; /* bytes */
    int access;    /* enum ibv_access_flags */
    uint64_t comp_mask;
    uint64_t iova; /* address of the first byte for the device */
    void *addr;    /* first byte */
    int fd;        /* a dma-buf instead */
    uint64_t fd_offset;
    struct ibv_dmah *dmah; /* hints for the bus */
    struct ibv_buf *buf;   /* addr is in this one */
};

/* Flag of ibv_advise_mr: return when the device knows the pages. */
#define IBV_ADVISE_MR_FLAG_FLUSH (1 << 0)

#ifdef VERBS_HAVE_FLUSH
/**
 * The same as ibv_reg_mr_iova of the stable API, and takes rights to flush as well: peers may ask
 * with IBV_ACCESS_FLUSH_GLOBAL and IBV_ACCESS_FLUSH_PERSISTENT for what IBV_FLUSH_GLOBAL and
 * IBV_FLUSH_PERSISTENT promise.
 *
 * Memory with the second right has to be such that a device can keep the promise: what that is the
 * device says.
 *
 * @param pd      protection domain of the region
 * @param addr    first byte
 * @param length  bytes
 * @param iova    address of the first byte for the device
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: as ibv_reg_mr_iova; EOPNOTSUPP the device cannot flush; EINVAL the memory cannot keep
 * what is written to it.
 * Source: IBTA volume 1, annex A19 (memory placement extensions); rights: rdma-core 65.
 */
VERBS_API struct ibv_mr *verbs_exp_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length,
                                               uint64_t iova, int access);

/**
 * The same under the addresses that the process uses, as ibv_reg_mr of the stable API.
 *
 * @param pd      protection domain of the region
 * @param addr    first byte
 * @param length  bytes
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: as verbs_exp_reg_mr_iova.
 * Source: IBTA volume 1, annex A19 (memory placement extensions); rights: rdma-core 65.
 */
static inline struct ibv_mr *verbs_exp_reg_mr(struct ibv_pd *pd, void *addr, size_t length,
                                              int access) {
    return verbs_exp_reg_mr_iova(pd, addr, length, (uint64_t)(uintptr_t)addr, access);
}

/* Programs call them by the names that they have everywhere. */
#define ibv_reg_mr(pd, addr, length, access) verbs_exp_reg_mr(pd, addr, length, access)
#define ibv_reg_mr_iova(pd, addr, length, iova, access)                                            \
    verbs_exp_reg_mr_iova(pd, addr, length, iova, access)
#endif

/**
 * The same as ibv_reg_mr_iova, which here takes flags of IBV_ACCESS_OPTIONAL_RANGE as well; other
 * libraries have a function of its own for them.
 *
 * @param pd      protection domain of the region
 * @param addr    first byte
 * @param length  bytes
 * @param iova    address of the first byte for the device
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: as ibv_reg_mr_iova.
 * Source: rdma-core 28.
 */
static inline struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length,
                                              uint64_t iova, unsigned int access) {
    return ibv_reg_mr_iova(pd, addr, length, iova, (int)access);
}

#ifdef VERBS_HAVE_NULL_MR
/**
 * Makes a region without memory: what is written to it vanishes, what is read is zero.
 *
 * It takes any address and length, and has a local key alone. ibv_dereg_mr ends it; it cannot be
 * registered anew, and no window can be bound to it.
 *
 * @param pd  protection domain of the region
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 20.
 */
VERBS_API struct ibv_mr *ibv_alloc_null_mr(struct ibv_pd *pd);
#endif

#ifdef VERBS_HAVE_REG_MR_EX
/**
 * Registers memory of the program, of a buffer, or of a dma-buf.
 *
 * @param pd            protection domain of the region
 * @param mr_init_attr  what is registered, and how; not kept after the call
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL an unknown bit, or members that do not go together; EOPNOTSUPP; otherwise as
 * ibv_reg_mr_iova, ibv_reg_buf_mr and ibv_reg_dmabuf_mr.
 * Source: rdma-core 59.
 */
VERBS_API struct ibv_mr *ibv_reg_mr_ex(struct ibv_pd *pd, struct ibv_mr_init_attr *mr_init_attr);
#endif

#ifdef VERBS_HAVE_ADVISE_MR
/**
 * Tells that ranges of regions registered with IBV_ACCESS_ON_DEMAND are about to be used.
 *
 * The pages are brought in, but may be gone again before they are used.
 *
 * @param pd       protection domain of the regions
 * @param advice   how they will be used
 * @param flags    0 or IBV_ADVISE_MR_FLAG_FLUSH
 * @param sg_list  the ranges
 * @param num_sge  how many
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EFAULT a range is outside its region, or not mapped; ENOENT, EPERM a key is not
 * of such a region, of another domain, or may not be written; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 22.
 */
VERBS_API int ibv_advise_mr(struct ibv_pd *pd, enum ibv_advise_mr_advice advice, uint32_t flags,
                            struct ibv_sge *sg_list, uint32_t num_sge);
#endif

#ifdef VERBS_HAVE_DMABUF
/**
 * Registers memory that a dma-buf stands for, such as a graphics card's.
 *
 * @param pd      protection domain of the region
 * @param offset  of the first byte in the dma-buf
 * @param length  bytes
 * @param iova    address of the first byte for the device; equal to offset modulo the page size
 * @param fd      the dma-buf; may be closed afterwards
 * @param access  enum ibv_access_flags: local write, the remote ones, relaxed ordering
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL; EBADF no dma-buf; EOPNOTSUPP device or kernel cannot; ENOMEM.
 * Source: rdma-core 34.
 */
VERBS_API struct ibv_mr *ibv_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length,
                                           uint64_t iova, int fd, int access);
#endif

#endif
