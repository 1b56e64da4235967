/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Enhanced connection establishment: two ends tell each other which of a vendor's extensions they
 * know, before their queue pairs are connected. How the numbers travel is the program's.
 */
#ifndef INFINIBAND_VERBS_EXP_ECE_H
#define INFINIBAND_VERBS_EXP_ECE_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_ece {
    uint32_t vendor_id; /* IEEE company id: whose options these are */
    uint32_t options;   /* 0: none */
    uint32_t comp_mask; /* 0 */
};

#ifdef VERBS_HAVE_ECE
/**
 * Asks for options, before the QP leaves IBV_QPS_INIT.
 *
 * @param qp   the QP
 * @param ece  what the peer knows; on success what of it is used
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL an unknown bit, or options of another vendor; EOPNOTSUPP.
 * Source: rdma-core 31.
 */
VERBS_API int ibv_set_ece(struct ibv_qp *qp, struct ibv_ece *ece);

/**
 * Reads the options that a QP could use, or uses once it is connected.
 *
 * @param qp   the QP
 * @param ece  filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: rdma-core 31.
 */
VERBS_API int ibv_query_ece(struct ibv_qp *qp, struct ibv_ece *ece);
#endif

#endif
