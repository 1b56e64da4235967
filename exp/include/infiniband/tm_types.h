/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How messages to a queue of the type IBV_SRQT_TM begin. The sender writes these headers in front
 * of its data; the receiving device reads them.
 *
 *  - EAGER: struct ibv_tmh, then the data.
 *  - RNDV (rendezvous): struct ibv_tmh, struct ibv_rvh which says where the data is, then what the
 *    programs have to tell each other; together at most ibv_tm_caps.max_rndv_hdr_size bytes.
 *  - FIN: the headers of a rendezvous come back to its sender, with this opcode alone: the data has
 *    been read, and its memory is free again.
 *  - NO_TAG: whatever the programs agree on; only the first byte is the device's.
 *
 * Source: rdma-core 44, <infiniband/tm_types.h> and tag_matching.md.
 */
#ifndef INFINIBAND_TM_TYPES_H
#define INFINIBAND_TM_TYPES_H

#include <linux/types.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ibv_tmh_op { IBV_TMH_NO_TAG = 0, IBV_TMH_RNDV = 1, IBV_TMH_FIN = 2, IBV_TMH_EAGER = 3 };

struct ibv_tmh {
    uint8_t opcode;      /* enum ibv_tmh_op */
    uint8_t reserved[3]; /* 0 */
    __be32 app_ctx;      /* the sender's own; ibv_wc_tm_info.priv of the receiver */
    __be64 tag;
};

/* The memory of the data, registered with IBV_ACCESS_REMOTE_READ. */
struct ibv_rvh {
    __be64 va;
    __be32 rkey;
    __be32 len;
};

#ifdef __cplusplus
}
#endif

#endif
