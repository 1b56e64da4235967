/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For the small programs of tests/vm: a device by its name, and a queue pair on it that is
 * connected to itself. What fails where a test needs it ends the program.
 */
#pragma once

#include <infiniband/verbs.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOP_BYTES = 8 };

struct loop {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_mr *mr; /* of both words */
    struct ibv_comp_channel *channel;
    struct ibv_cq *cq;
    struct ibv_qp *qp;
    uint64_t memory[2]; /* what is sent, and where it arrives */
};

static inline void need(int claim, const char *what) {
    if (claim) return;
    perror(what);
    exit(1);
}

/* `code` is 0 or an errno value. */
static inline void fact(const char *what, int code) {
    printf("%s: %s\n", what, code == 0 ? "ok" : strerrorname_np(code));
}

/* NULL when there is none; the list is to be freed when the device is not needed any more. */
static inline struct ibv_device *find_device(const char *name, struct ibv_device ***list) {
    *list = ibv_get_device_list(NULL);
    need(*list != NULL, "ibv_get_device_list");
    for (struct ibv_device **each = *list; *each != NULL; ++each)
        if (strcmp(ibv_get_device_name(*each), name) == 0) return *each;
    return NULL;
}

static inline struct ibv_qp *make_qp(struct loop *loop, enum ibv_qp_type type,
                                     struct ibv_srq *srq) {
    struct ibv_qp_init_attr init = {0};
    init.send_cq = init.recv_cq = loop->cq;
    init.qp_type = type;
    init.srq = srq;
    init.cap.max_send_wr = init.cap.max_recv_wr = 4;
    init.cap.max_send_sge = init.cap.max_recv_sge = 1;
    return ibv_create_qp(loop->pd, &init);
}

static inline void make_objects(struct loop *loop, struct ibv_device *device) {
    *loop = (struct loop){0};
    loop->context = ibv_open_device(device);
    need(loop->context != NULL, "ibv_open_device");
    loop->pd = ibv_alloc_pd(loop->context);
    need(loop->pd != NULL, "ibv_alloc_pd");
    loop->mr = ibv_reg_mr(loop->pd, loop->memory, sizeof loop->memory, IBV_ACCESS_LOCAL_WRITE);
    need(loop->mr != NULL, "ibv_reg_mr");
    loop->channel = ibv_create_comp_channel(loop->context);
    need(loop->channel != NULL, "ibv_create_comp_channel");
    loop->cq = ibv_create_cq(loop->context, 16, NULL, loop->channel, 0);
    need(loop->cq != NULL, "ibv_create_cq");
    loop->qp = make_qp(loop, IBV_QPT_RC, NULL);
    need(loop->qp != NULL, "ibv_create_qp");
}

/* A queue pair of type RC. */
static inline void connect_to_itself(struct ibv_qp *qp, int gid_index) {
    struct ibv_qp_attr attr = {0};
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0,
         "INIT");
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = qp->qp_num;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.sgid_index = (uint8_t)gid_index;
    attr.ah_attr.grh.hop_limit = 1;
    need(ibv_query_gid(qp->context, 1, gid_index, &attr.ah_attr.grh.dgid) == 0, "ibv_query_gid");
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                           IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER) == 0,
         "RTR");
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 14;
    attr.retry_cnt = attr.rnr_retry = 7;
    attr.max_rd_atomic = 1;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                           IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC) == 0,
         "RTS");
}

/* Each returns 0 or an errno value. */
static inline int post_receive(struct loop *loop) {
    struct ibv_sge target = {(uintptr_t)&loop->memory[1], LOOP_BYTES, loop->mr->lkey};
    struct ibv_recv_wr wr = {2, NULL, &target, 1};
    struct ibv_recv_wr *bad = NULL;
    return ibv_post_recv(loop->qp, &wr, &bad);
}
static inline int post_send(struct loop *loop) {
    struct ibv_sge source = {(uintptr_t)&loop->memory[0], LOOP_BYTES, loop->mr->lkey};
    struct ibv_send_wr wr = {0};
    struct ibv_send_wr *bad = NULL;
    wr.wr_id = 1;
    wr.sg_list = &source;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    wr.send_flags = IBV_SEND_SIGNALED;
    return ibv_post_send(loop->qp, &wr, &bad);
}

/* Waits for the next completion and gives its status. */
static inline enum ibv_wc_status next_status(struct ibv_cq *cq) {
    struct ibv_wc wc;
    int polled = 0;
    do
        polled = ibv_poll_cq(cq, 1, &wc);
    while (polled == 0);
    need(polled == 1, "ibv_poll_cq");
    return wc.status;
}

static inline void let_go(struct loop *loop) {
    fact("destroy_qp", ibv_destroy_qp(loop->qp));
    fact("destroy_cq", ibv_destroy_cq(loop->cq));
    fact("destroy_comp_channel", ibv_destroy_comp_channel(loop->channel));
    fact("dereg_mr", ibv_dereg_mr(loop->mr));
    fact("dealloc_pd", ibv_dealloc_pd(loop->pd));
    fact("close_device", ibv_close_device(loop->context) == 0 ? 0 : errno);
}
