/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The link address behind a GID on Ethernet.
 */
#ifndef INFINIBAND_VERBS_EXP_ETH_H
#define INFINIBAND_VERBS_EXP_ETH_H

#include <infiniband/verbs/ah.h>
#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

#define ETHERNET_LL_SIZE 6 /* bytes of a link address */

#ifdef VERBS_HAVE_ETH_RESOLUTION
/**
 * Finds the link address to which packets for an address vector go, by the kernel's routes and
 * neighbours.
 *
 * May wait for the network, up to three seconds.
 *
 * @param context  an open device
 * @param attr     the way: port, index of the own GID, the other GID
 * @param eth_mac  filled on success; may be NULL
 * @param vid      filled with the VLAN of the way, or 0xffff where it has none; may be NULL
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; ENODATA the own GID is not in use; ENETUNREACH there is no route; EHOSTUNREACH
 * nobody answers for the address; EAFNOSUPPORT the GIDs are of different protocols; ENOMEM.
 * Source: libibverbs 1.2.0.
 */
VERBS_API int ibv_resolve_eth_l2_from_gid(struct ibv_context *context, struct ibv_ah_attr *attr,
                                          uint8_t eth_mac[ETHERNET_LL_SIZE], uint16_t *vid);
#endif

#endif
