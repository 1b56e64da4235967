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
 * May wait for the network.
 *
 * @param context  an open device
 * @param attr     the way: port, own and other GID
 * @param eth_mac  filled on success
 * @param vid      filled with the VLAN of the way, if it has one; may be NULL
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EHOSTUNREACH, ETIMEDOUT nobody answers for the address; ENOMEM.
 * Source: libibverbs 1.2.0.
 */
VERBS_API int ibv_resolve_eth_l2_from_gid(struct ibv_context *context, struct ibv_ah_attr *attr,
                                          uint8_t eth_mac[ETHERNET_LL_SIZE], uint16_t *vid);
#endif

#endif
