/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Global identifiers: the 128-bit addresses of ports and multicast groups, and the table of them
 * that each port has.
 */
#ifndef INFINIBAND_VERBS_GID_H
#define INFINIBAND_VERBS_GID_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/* In network byte order in both views. */
union ibv_gid {
    uint8_t raw[16];
    struct {
        __be64 subnet_prefix;
        __be64 interface_id;
    } global;
};

/**
 * Reads one entry of a port's GID table.
 *
 * An entry that exists but is not in use reads as all zero bytes.
 *
 * @param context   an open device
 * @param port_num  port, counted from 1
 * @param index     entry, counted from 0, below ibv_port_attr.gid_tbl_len
 * @param gid       filled on success, otherwise left alone
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EINVAL no such port or entry; EIO the device did not answer.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA (port attributes) and chapter 4.1 (GIDs).
 */
VERBS_API int ibv_query_gid(struct ibv_context *context, uint8_t port_num, int index,
                            union ibv_gid *gid);

#endif
