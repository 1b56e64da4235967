/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Partition keys: which partitions of the fabric a port belongs to. Keys are in network byte order
 * everywhere in this API.
 */
#ifndef INFINIBAND_VERBS_PKEY_H
#define INFINIBAND_VERBS_PKEY_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/**
 * Reads one entry of a port's partition key table.
 *
 * @param context   an open device
 * @param port_num  port, counted from 1
 * @param index     entry, counted from 0, below ibv_port_attr.pkey_tbl_len
 * @param pkey      filled on success, in network byte order; otherwise left alone
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EINVAL no such port or entry; EIO the device did not answer.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA (port attributes) and chapter 10.9 (partitioning).
 */
VERBS_API int ibv_query_pkey(struct ibv_context *context, uint8_t port_num, int index,
                             __be16 *pkey);

/**
 * Finds the entry of a port's partition key table that holds a key.
 *
 * All 16 bits are compared, the membership bit included. The first match counts.
 *
 * @param context   an open device
 * @param port_num  port, counted from 1
 * @param pkey      key to look for, in network byte order
 * Returns (count): the index, 0 or greater, or -1 with errno set.
 * Errors: EINVAL no such port, or the key is not in its table; EIO the device did not answer.
 * Source: libibverbs 1.5 node; the table is IBTA volume 1, chapter 10.9.
 */
VERBS_API int ibv_get_pkey_index(struct ibv_context *context, uint8_t port_num, __be16 pkey);

#endif
