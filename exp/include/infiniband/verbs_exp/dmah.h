/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DMA handles: hints that a device gives the bus with what it reads and writes of a region, so that
 * the data ends up where it is used (TLP processing hints of PCI Express).
 */
#ifndef INFINIBAND_VERBS_EXP_DMAH_H
#define INFINIBAND_VERBS_EXP_DMAH_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

enum ibv_tph_mem_type {
    IBV_TPH_MEM_TYPE_VM, /* volatile memory */
    IBV_TPH_MEM_TYPE_PM  /* persistent memory */
};

/* Which members of ibv_dmah_init_attr count. */
enum ibv_dmah_init_attr_mask {
    IBV_DMAH_INIT_ATTR_MASK_CPU_ID = 1 << 0,
    IBV_DMAH_INIT_ATTR_MASK_PH = 1 << 1,
    IBV_DMAH_INIT_ATTR_MASK_TPH_MEM_TYPE = 1 << 2
};

struct ibv_dmah_init_attr {
    uint32_t comp_mask;   /* enum ibv_dmah_init_attr_mask */
    uint32_t cpu_id;      /* the processor that uses the data */
    uint8_t ph;           /* 2 bits: who uses it, and how, as PCI Express codes it */
    uint8_t tph_mem_type; /* enum ibv_tph_mem_type */
};

struct ibv_dmah {
    struct ibv_context *context;
};

#ifdef VERBS_HAVE_DMAH
/**
 * Makes a DMA handle, with which ibv_reg_mr_ex registers memory.
 *
 * @param context  an open device
 * @param attr     the hints
 * Returns (pointer): the handle, or NULL with errno set.
 * Errors: EINVAL an unknown bit, or a hint that there is not; EPERM not a processor of this
 * process; EOPNOTSUPP the device has no such handles; ENOMEM.
 * Source: rdma-core 59.
 */
VERBS_API struct ibv_dmah *ibv_alloc_dmah(struct ibv_context *context,
                                          struct ibv_dmah_init_attr *attr);

/**
 * Ends a DMA handle.
 *
 * @param dmah  the handle
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a region was registered with it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 59.
 */
VERBS_API int ibv_dealloc_dmah(struct ibv_dmah *dmah);
#endif

#endif
