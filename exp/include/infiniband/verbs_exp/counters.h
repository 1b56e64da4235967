/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters of packets and bytes that a device keeps for a flow rule (flow.h).
 */
#ifndef INFINIBAND_VERBS_EXP_COUNTERS_H
#define INFINIBAND_VERBS_EXP_COUNTERS_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_counters_init_attr {
    uint32_t comp_mask; /* 0 */
};

struct ibv_counters {
    struct ibv_context *context;
};

enum ibv_counter_description { IBV_COUNTER_PACKETS, IBV_COUNTER_BYTES };

struct ibv_counter_attach_attr {
    enum ibv_counter_description counter_desc;
    uint32_t index;     /* of the sum that it adds to, in what ibv_read_counters fills */
    uint32_t comp_mask; /* 0 */
};

enum ibv_read_counters_flags {
    IBV_READ_COUNTERS_ATTR_PREFER_CACHED = 1 << 0 /* the driver's last values, if it has some */
};

#ifdef VERBS_HAVE_COUNTERS
/**
 * Makes a set of counters, all zero.
 *
 * @param context    an open device
 * @param init_attr  comp_mask 0
 * Returns (pointer): the set, or NULL with errno set.
 * Errors: EINVAL; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 19.
 */
VERBS_API struct ibv_counters *ibv_create_counters(struct ibv_context *context,
                                                   struct ibv_counters_init_attr *init_attr);

/**
 * Ends a set of counters that no rule uses any more.
 *
 * @param counters  the set
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a rule still uses it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 19.
 */
VERBS_API int ibv_destroy_counters(struct ibv_counters *counters);

/**
 * Says what a set counts, and at which index.
 *
 * Several counts with the same index add up, and so do several rules with the same set.
 *
 * @param counters  the set
 * @param attr      what is counted
 * @param flow      the rule, or NULL: whichever rule names the set in a specification of the type
 *                  IBV_FLOW_SPEC_ACTION_COUNT
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a rule names the set already; EOPNOTSUPP the device cannot count that; EINVAL;
 * ENOMEM.
 * Source: rdma-core 19.
 */
VERBS_API int ibv_attach_counters_point_flow(struct ibv_counters *counters,
                                             struct ibv_counter_attach_attr *attr,
                                             struct ibv_flow *flow);

/**
 * Reads the counters of a set.
 *
 * @param counters        the set
 * @param counters_value  filled from the start, in the order of index
 * @param ncounters       room in counters_value
 * @param flags           enum ibv_read_counters_flags
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 19.
 */
VERBS_API int ibv_read_counters(struct ibv_counters *counters, uint64_t *counters_value,
                                uint32_t ncounters, uint32_t flags);
#endif

#endif
