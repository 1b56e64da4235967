/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports, beyond what the stable attributes of a port can say.
 */
#ifndef INFINIBAND_VERBS_EXP_PORT_H
#define INFINIBAND_VERBS_EXP_PORT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_PORT_SPEED
/**
 * Tells how fast a port effectively is, whatever its lanes are.
 *
 * @param context     an open device
 * @param port_num    port, counted from 1
 * @param port_speed  on success the speed, in units of 100 Mbit/s
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL no such port; EOPNOTSUPP the device tells it by ibv_query_port alone.
 * Source: rdma-core 62.
 */
VERBS_API int ibv_query_port_speed(struct ibv_context *context, uint32_t port_num,
                                   uint64_t *port_speed);
#endif

#endif
