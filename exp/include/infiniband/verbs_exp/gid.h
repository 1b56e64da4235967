/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Entries of the GID table with what belongs to them: the protocol and the network interface.
 */
#ifndef INFINIBAND_VERBS_EXP_GID_H
#define INFINIBAND_VERBS_EXP_GID_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/gid.h>
#include <infiniband/verbs_exp/types.h>
#include <sys/types.h>

enum ibv_gid_type {
    IBV_GID_TYPE_IB,
    IBV_GID_TYPE_ROCE_V1, /* on Ethernet itself */
    IBV_GID_TYPE_ROCE_V2  /* on UDP */
};

struct ibv_gid_entry {
    union ibv_gid gid;
    uint32_t gid_index;    /* counted from 0 */
    uint32_t port_num;     /* counted from 1 */
    uint32_t gid_type;     /* enum ibv_gid_type */
    uint32_t ndev_ifindex; /* of the network interface, 0 where there is none */
};

#ifdef VERBS_HAVE_GID_TABLE
/**
 * Reads one entry of a port's GID table.
 *
 * @param context    an open device
 * @param port_num   port, counted from 1
 * @param gid_index  entry, counted from 0
 * @param entry      filled on success
 * @param flags      0
 * Returns (errno): 0, or the error number.
 * Errors: ENODATA the entry is not in use; EINVAL no such port or entry, or flags; EOPNOTSUPP.
 * Source: rdma-core 32.
 */
VERBS_API int ibv_query_gid_ex(struct ibv_context *context, uint32_t port_num, uint32_t gid_index,
                               struct ibv_gid_entry *entry, uint32_t flags);

/**
 * Reads all entries in use of all ports.
 *
 * @param context      an open device
 * @param entries      filled from the start
 * @param max_entries  room in entries
 * @param flags        0
 * Returns (count): how many there are, 0 included, or the negated error number.
 * Errors: EINVAL more entries than room, or flags; EOPNOTSUPP. errno is left alone.
 * Source: rdma-core 32.
 */
VERBS_API ssize_t ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries,
                                      size_t max_entries, uint32_t flags);
#endif

#endif
