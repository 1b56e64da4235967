/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory regions: memory that a device may reach, and with which rights. Registration is the only
 * way to a local or remote key.
 */
#ifndef INFINIBAND_VERBS_MR_H
#define INFINIBAND_VERBS_MR_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/*
 * Access flags in this range are wishes: where the device or the kernel does not know one, it is
 * dropped and the registration goes on.
 */
#define IBV_ACCESS_OPTIONAL_FIRST (1 << 20)
#define IBV_ACCESS_OPTIONAL_RANGE 0x3ff00000

/* Local reading is always allowed. */
enum ibv_access_flags {
    IBV_ACCESS_LOCAL_WRITE = 1 << 0, /* needed by the two remote flags that change memory */
    IBV_ACCESS_REMOTE_WRITE = 1 << 1,
    IBV_ACCESS_REMOTE_READ = 1 << 2,
    IBV_ACCESS_REMOTE_ATOMIC = 1 << 3,
    IBV_ACCESS_MW_BIND = 1 << 4,          /* memory windows may be bound to the region */
    IBV_ACCESS_ZERO_BASED = 1 << 5,       /* addresses count from 0 at the start of the region */
    IBV_ACCESS_ON_DEMAND = 1 << 6,        /* pages are not pinned; needs a device that can */
    IBV_ACCESS_HUGETLB = 1 << 7,          /* the memory is of huge pages throughout */
    IBV_ACCESS_FLUSH_GLOBAL = 1 << 8,     /* experimental */
    IBV_ACCESS_FLUSH_PERSISTENT = 1 << 9, /* experimental */
    IBV_ACCESS_RELAXED_ORDERING = IBV_ACCESS_OPTIONAL_FIRST
};

/* What ibv_rereg_mr is to change. */
enum ibv_rereg_mr_flags {
    IBV_REREG_MR_CHANGE_TRANSLATION = 1 << 0, /* addr and length */
    IBV_REREG_MR_CHANGE_PD = 1 << 1,
    IBV_REREG_MR_CHANGE_ACCESS = 1 << 2,
    IBV_REREG_MR_FLAGS_SUPPORTED = (IBV_REREG_MR_CHANGE_ACCESS << 1) - 1
};

/* What is left of the region when ibv_rereg_mr fails. */
enum ibv_rereg_mr_err_code {
    IBV_REREG_MR_ERR_INPUT = -1,         /* arguments refused; the old region stands */
    IBV_REREG_MR_ERR_DONT_FORK_NEW = -2, /* new memory not made fork safe; the old region stands */
    IBV_REREG_MR_ERR_DO_FORK_OLD = -3,   /* old memory still kept from children; the new stands */
    IBV_REREG_MR_ERR_CMD = -4,           /* the device failed; only ibv_dereg_mr is allowed */
    IBV_REREG_MR_ERR_CMD_AND_DO_FORK_NEW = -5 /* as -4, and new memory kept from children */
};

struct ibv_mr {
    struct ibv_context *context;
    struct ibv_pd *pd;
    void *addr;
    size_t length; /* bytes */
    uint32_t handle;
    uint32_t lkey; /* for ibv_sge.lkey */
    uint32_t rkey; /* for the peer; means something only with a remote access flag */
};

/**
 * Registers memory, so that the device can reach it at the addresses the process uses.
 *
 * @param pd      protection domain of the region
 * @param addr    first byte; no alignment is needed
 * @param length  bytes
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: EINVAL flags unknown or without the local write they need; ENOMEM out of memory or over
 * the limit of locked memory; EFAULT not mapped, or not writable where writing is asked for;
 * EOPNOTSUPP a flag that is not a wish and that the device lacks.
 * Source: IBTA volume 1, chapter 11.2 (Register Memory Region) and 10.6.
 */
VERBS_API struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access);

/**
 * Registers memory under an address of the caller's choice.
 *
 * Work requests and peers name the first byte by iova instead of addr.
 *
 * @param pd      protection domain of the region
 * @param addr    first byte
 * @param length  bytes
 * @param iova    address of the first byte for the device; equal to addr modulo the page size
 * @param access  enum ibv_access_flags
 * Returns (pointer): the region, or NULL with errno set.
 * Errors: as ibv_reg_mr, and EINVAL iova does not fit addr.
 * Source: IBTA volume 1, chapter 11.2 (Register Physical Memory Region knows the same idea).
 */
VERBS_API struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length,
                                         uint64_t iova, int access);

/**
 * Changes a region in place: its memory, its protection domain, its rights, or several at once.
 *
 * The keys may change. No work request may be using the region, and no window may be bound to it.
 *
 * @param mr      the region
 * @param flags   enum ibv_rereg_mr_flags, at least one
 * @param pd      the new domain with IBV_REREG_MR_CHANGE_PD, otherwise not looked at
 * @param addr    the new first byte with IBV_REREG_MR_CHANGE_TRANSLATION, otherwise not looked at
 * @param length  the new length in bytes, greater than 0, with the same flag
 * @param access  the new rights with IBV_REREG_MR_CHANGE_ACCESS, otherwise not looked at
 * Returns (count): 0, or one of the negative numbers of enum ibv_rereg_mr_err_code, which tells
 * what became of the region; errno has the reason.
 * Errors: EINVAL arguments; ENOMEM, EFAULT as ibv_reg_mr; EOPNOTSUPP the device cannot.
 * Source: IBTA volume 1, chapter 11.2 (Reregister Memory Region).
 */
VERBS_API int ibv_rereg_mr(struct ibv_mr *mr, int flags, struct ibv_pd *pd, void *addr,
                           size_t length, int access);

/**
 * Ends a registration; on success the region no longer exists and its keys are void.
 *
 * Work requests that still use the region complete with an error.
 *
 * @param mr  the region
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a memory window is bound to it; EINVAL.
 * Source: IBTA volume 1, chapter 11.2 (Deregister Memory Region).
 */
VERBS_API int ibv_dereg_mr(struct ibv_mr *mr);

#endif
