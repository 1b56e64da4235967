/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What small C programs of the tests do before what they are about: find a device, and bring a
 * queue pair of type RC to RTS step by step.
 */
#pragma once

#include <infiniband/verbs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What fails where a test needs it ends the program. */
static inline void need(int claim, const char *what) {
    if (claim) return;
    perror(what);
    exit(1);
}

/* In a list that ends with NULL; NULL when there is none. */
static inline struct ibv_device *device_in(struct ibv_device **list, const char *name) {
    for (struct ibv_device **each = list; *each != NULL; ++each)
        if (strcmp(ibv_get_device_name(*each), name) == 0) return *each;
    return NULL;
}

static inline void to_init(struct ibv_qp *qp, unsigned access) {
    struct ibv_qp_attr attr = {0};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    attr.qp_access_flags = access;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0,
         "INIT");
}

/* `gid` is the peer's; on one host it may be our own, of that index. */
static inline void to_rtr(struct ibv_qp *qp, uint32_t peer, const union ibv_gid *gid,
                          int gid_index) {
    struct ibv_qp_attr attr = {0};
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = peer;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.sgid_index = (uint8_t)gid_index;
    attr.ah_attr.grh.hop_limit = 1;
    attr.ah_attr.grh.dgid = *gid;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                           IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER) == 0,
         "RTR");
}

static inline void to_rts(struct ibv_qp *qp) {
    struct ibv_qp_attr attr = {0};
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 14;
    attr.retry_cnt = attr.rnr_retry = 7;
    attr.max_rd_atomic = 1;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                           IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC) == 0,
         "RTS");
}

/* All of them, with a peer on this host. */
static inline void connect_qp(struct ibv_qp *qp, uint32_t peer, int gid_index, unsigned access) {
    union ibv_gid gid;
    to_init(qp, access);
    need(ibv_query_gid(qp->context, 1, gid_index, &gid) == 0, "ibv_query_gid");
    to_rtr(qp, peer, &gid, gid_index);
    to_rts(qp);
}
