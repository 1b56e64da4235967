/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For the small programs of tests/vm: a device by its name, and a queue pair on it that is
 * connected to itself.
 */
#pragma once

#include "steps.h"

#include <errno.h>
#include <stdint.h>

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

/* `code` is 0 or an errno value. */
static inline void fact(const char *what, int code) {
    printf("%s: %s\n", what, code == 0 ? "ok" : strerrorname_np(code));
}

/* NULL when there is none; the list is to be freed when the device is not needed any more. */
static inline struct ibv_device *find_device(const char *name, struct ibv_device ***list) {
    *list = ibv_get_device_list(NULL);
    need(*list != NULL, "ibv_get_device_list");
    return device_in(*list, name);
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

/* All of that, of the device of this name. */
static inline void open_loop(struct loop *loop, const char *name, int gid_index) {
    struct ibv_device **list = NULL;
    struct ibv_device *const device = find_device(name, &list);
    need(device != NULL, name);
    make_objects(loop, device);
    ibv_free_device_list(list);
    connect_qp(loop->qp, loop->qp->qp_num, gid_index,
               IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
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
