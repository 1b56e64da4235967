/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters of completions: how many requests of some queue pairs are done, and how many failed,
 * for programs that need to know no more. Requests count whether they have a completion in the
 * completion queue or not. What is true of all devices:
 *
 *  - A counter has two values, one of successes and one of errors. Both wrap around to 0.
 *  - Reading one is the program's way to wait: it may see a change a little after it was made.
 *  - A counter is attached to a queue pair once for each kind of operation, and stays so until the
 *    queue pair is destroyed.
 */
#ifndef INFINIBAND_VERBS_EXP_COMP_CNTR_H
#define INFINIBAND_VERBS_EXP_COMP_CNTR_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

/* Which operations count. */
enum ibv_qp_attach_comp_cntr_op {
    IBV_QP_ATTACH_COMP_CNTR_OP_SEND = 1 << 0,
    IBV_QP_ATTACH_COMP_CNTR_OP_RECV = 1 << 1,
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ = 1 << 2,
    IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ = 1 << 3, /* of the peer */
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE = 1 << 4,
    IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE = 1 << 5 /* of the peer */
};

struct ibv_comp_cntr_caps {
    uint64_t max_value; /* the next one is 0 */
    uint32_t max_counters;
    uint32_t supported_qp_attach_ops; /* enum ibv_qp_attach_comp_cntr_op */
};

struct ibv_comp_cntr {
    struct ibv_context *context;
    uint32_t handle;
};

/* What successes are counted in. */
enum ibv_comp_cntr_type {
    IBV_COMP_CNTR_TYPE_WRS,  /* requests */
    IBV_COMP_CNTR_TYPE_BYTES /* bytes of theirs */
};

struct ibv_comp_cntr_init_attr {
    uint32_t comp_mask; /* 0 */
    enum ibv_comp_cntr_type type;
    uint32_t flags; /* 0 */
};

struct ibv_qp_attach_comp_cntr_attr {
    uint32_t comp_mask; /* 0 */
    uint32_t op_mask;   /* enum ibv_qp_attach_comp_cntr_op */
};

#ifdef VERBS_HAVE_COMP_CNTR
/**
 * What ibv_query_comp_cntr_caps calls: the size says how much of the answer the caller knows.
 *
 * @param context    an open device
 * @param caps       filled on success
 * @param caps_size  bytes in caps
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP the device has no such counters.
 * Source: rdma-core 65.
 */
VERBS_API int _ibv_query_comp_cntr_caps(struct ibv_context *context,
                                        struct ibv_comp_cntr_caps *caps, size_t caps_size);

/**
 * Tells what the device's counters can do.
 *
 * @param context  an open device
 * @param caps     filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP the device has no such counters.
 * Source: rdma-core 65.
 */
static inline int ibv_query_comp_cntr_caps(struct ibv_context *context,
                                           struct ibv_comp_cntr_caps *caps) {
    return _ibv_query_comp_cntr_caps(context, caps, sizeof *caps);
}

/**
 * Makes a counter, both values 0.
 *
 * @param context  an open device
 * @param cc_attr  what it counts in
 * Returns (pointer): the counter, or NULL with errno set.
 * Errors: EINVAL an unknown type, flag or bit; EOPNOTSUPP the device has none of the type; ENOMEM.
 * Source: rdma-core 65.
 */
VERBS_API struct ibv_comp_cntr *ibv_create_comp_cntr(struct ibv_context *context,
                                                     struct ibv_comp_cntr_init_attr *cc_attr);

/**
 * Ends a counter that is attached to no queue pair.
 *
 * @param comp_cntr  the counter
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a queue pair still has it; EINVAL.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_destroy_comp_cntr(struct ibv_comp_cntr *comp_cntr);

/**
 * Sets how many successes there are. Those that are counted meanwhile may be lost.
 *
 * @param comp_cntr  the counter
 * @param value      from now on
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_set_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t value);

/**
 * Sets how many errors there are. Those that are counted meanwhile may be lost.
 *
 * @param comp_cntr  the counter
 * @param value      from now on
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_set_err_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t value);

/**
 * Adds to the successes.
 *
 * @param comp_cntr  the counter
 * @param amount     more than there were
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_inc_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t amount);

/**
 * Adds to the errors.
 *
 * @param comp_cntr  the counter
 * @param amount     more than there were
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_inc_err_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t amount);

/**
 * Reads how many successes there are. What they have brought is in memory by then.
 *
 * @param comp_cntr  the counter
 * @param value      filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_read_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t *value);

/**
 * Reads how many errors there are, each a request, whatever successes are counted in.
 *
 * @param comp_cntr  the counter
 * @param value      filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_read_err_comp_cntr(struct ibv_comp_cntr *comp_cntr, uint64_t *value);

/**
 * Has a counter count operations of a queue pair from now on.
 *
 * @param qp         a QP in the state RESET or INIT
 * @param comp_cntr  the counter; it may be attached to other queue pairs too
 * @param attr       which operations
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY one of the operations has a counter already; EOPNOTSUPP the device does not count
 * one of them; EINVAL state, mask, or the two are of different devices.
 * Source: rdma-core 65.
 */
VERBS_API int ibv_qp_attach_comp_cntr(struct ibv_qp *qp, struct ibv_comp_cntr *comp_cntr,
                                      struct ibv_qp_attach_comp_cntr_attr *attr);
#endif

#endif
