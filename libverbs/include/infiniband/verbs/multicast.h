/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Multicast: letting a UD queue pair receive what is sent to a group. Joining the group on the
 * fabric is the business of the subnet administration, not of these two calls.
 */
#ifndef INFINIBAND_VERBS_MULTICAST_H
#define INFINIBAND_VERBS_MULTICAST_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/gid.h>
#include <infiniband/verbs/types.h>

/**
 * Lets a QP receive a copy of each message to a group; nothing changes when it does already.
 *
 * @param qp   a UD QP
 * @param gid  address of the group
 * @param lid  its LID in host byte order; 0 on Ethernet
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL not a UD QP, or not a multicast address; ENOMEM the device's limit is reached;
 * EOPNOTSUPP.
 * Source: IBTA volume 1, 11.3.1 Attach QP to Multicast Group.
 */
VERBS_API int ibv_attach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);

/**
 * Ends what ibv_attach_mcast began.
 *
 * @param qp   the QP
 * @param gid  address of the group
 * @param lid  its LID in host byte order; 0 on Ethernet
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL it is not attached to the group.
 * Source: IBTA volume 1, 11.3.2 Detach QP from Multicast Group.
 */
VERBS_API int ibv_detach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);

#endif
