/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values that a device knows at this moment. What it can do beyond the stable attributes,
 * ibv_query_device_ex, has graduated: <infiniband/verbs/device_ex.h>.
 */
#ifndef INFINIBAND_VERBS_EXP_DEVICE_H
#define INFINIBAND_VERBS_EXP_DEVICE_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/device_ex.h>
#include <infiniband/verbs_exp/types.h>
#include <pthread.h>
#include <time.h>

/* Bits of device_cap_flags_ex. What a flush can be asked for at the device's memory: */
#define IBV_DEVICE_FLUSH_GLOBAL (1ULL << 38)
#define IBV_DEVICE_FLUSH_PERSISTENT (1ULL << 39)
/* IBV_QP_EX_WITH_ATOMIC_WRITE can be had. */
#define IBV_DEVICE_ATOMIC_WRITE (1ULL << 40)
/* Another: in this protected guest the device reaches ordinary memory through copies. */
#define IBV_DEVICE_CC_DMA_BOUNCE (1ULL << 41)

enum ibv_values_mask { IBV_VALUES_MASK_RAW_CLOCK = 1 << 0, IBV_VALUES_MASK_RESERVED = 1 << 1 };

struct ibv_values_ex {
    uint32_t comp_mask; /* enum ibv_values_mask: asked for, then answered */
    struct timespec
        raw_clock; /* tv_nsec has the device's whole count of clock ticks, tv_sec is 0 */
};

#ifdef VERBS_HAVE_RT_VALUES
/**
 * Reads values that change while the device runs, such as its clock.
 *
 * @param context  an open device
 * @param values   comp_mask says what is wanted (enum ibv_values_mask); on success it says what is
 *                 filled, which may be less
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP the device has no clock that can be read.
 * Source: libibverbs 1.2.1.
 */
VERBS_API int ibv_query_rt_values_ex(struct ibv_context *context, struct ibv_values_ex *values);
#endif

#endif
