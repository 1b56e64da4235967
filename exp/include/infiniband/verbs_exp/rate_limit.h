/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How fast a queue pair may send. The stable ibv_modify_qp sets the rate alone.
 */
#ifndef INFINIBAND_VERBS_EXP_RATE_LIMIT_H
#define INFINIBAND_VERBS_EXP_RATE_LIMIT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_qp_rate_limit_attr {
    uint32_t rate_limit;     /* kbit/s, 0 for no limit; see ibv_packet_pacing_caps */
    uint32_t max_burst_sz;   /* bytes sent at once, 0 for the device's choice */
    uint16_t typical_pkt_sz; /* bytes, 0 for the MTU of the port */
    uint32_t comp_mask;      /* 0 */
};

#ifdef VERBS_HAVE_RATE_LIMIT
/**
 * Limits the rate at which a queue pair sends.
 *
 * @param qp    the QP
 * @param attr  the new values
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL outside of the device's limits, an unknown bit, or the state; EOPNOTSUPP.
 * Source: rdma-core 18.
 */
VERBS_API int ibv_modify_qp_rate_limit(struct ibv_qp *qp, struct ibv_qp_rate_limit_attr *attr);
#endif

#endif
