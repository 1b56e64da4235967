/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Short sends between two queue pairs of one process, for counting the instructions of posting and
 * polling: callgrind collects inside of measured_post (or measured_build) and measured_poll only.
 * Each send is complete before it is polled, so that one poll is one completion.
 *
 *     post_and_poll DEVICE GID_INDEX COUNT [inline] [built] [nobody]
 *
 * inline: the data goes along in the request. built: requests are built call by call (ibv_wr_*).
 * nobody: without rights from when all is set up.
 */
#include "steps.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES = 8 };

struct end {
    struct ibv_cq *cq;
    struct ibv_qp *qp;
};

static struct ibv_context *context;
static struct ibv_pd *pd;
static struct ibv_mr *mr;
static uint64_t memory[2];
static const struct ibv_qp_cap cap = {8, 8, 1, 1, BYTES};

__attribute__((noinline)) int measured_post(struct ibv_qp *qp, struct ibv_send_wr *wr);
__attribute__((noinline)) int measured_build(struct ibv_qp_ex *qp, const struct ibv_send_wr *wr);
__attribute__((noinline)) int measured_poll(struct ibv_cq *cq, struct ibv_wc *wc);

int measured_post(struct ibv_qp *qp, struct ibv_send_wr *wr) {
    struct ibv_send_wr *bad = NULL;
    return ibv_post_send(qp, wr, &bad);
}

int measured_build(struct ibv_qp_ex *qp, const struct ibv_send_wr *wr) {
    const struct ibv_sge *const sge = wr->sg_list;
    qp->wr_id = wr->wr_id;
    qp->wr_flags = wr->send_flags; /* Debian's plugin wants to be told of inline data here too */
    ibv_wr_start(qp);
    ibv_wr_send(qp);
    if ((wr->send_flags & IBV_SEND_INLINE) != 0)
        ibv_wr_set_inline_data(qp, (void *)(uintptr_t)sge->addr, sge->length);
    else
        ibv_wr_set_sge(qp, sge->lkey, sge->addr, sge->length);
    return ibv_wr_complete(qp);
}

int measured_poll(struct ibv_cq *cq, struct ibv_wc *wc) {
    return ibv_poll_cq(cq, 1, wc);
}

static void open_device(const char *name) {
    struct ibv_device **list = ibv_get_device_list(NULL);
    need(list != NULL, "ibv_get_device_list");
    struct ibv_device *const device = device_in(list, name);
    need(device != NULL, name);
    context = ibv_open_device(device);
    need(context != NULL, "ibv_open_device");
    ibv_free_device_list(list);
    pd = ibv_alloc_pd(context);
    need(pd != NULL, "ibv_alloc_pd");
    mr = ibv_reg_mr(pd, memory, sizeof memory, IBV_ACCESS_LOCAL_WRITE);
    need(mr != NULL, "ibv_reg_mr");
}

static struct ibv_qp *create_qp(struct ibv_cq *cq) {
    struct ibv_qp_init_attr init;
    memset(&init, 0, sizeof init);
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    init.cap = cap;
    return ibv_create_qp(pd, &init);
}

static struct ibv_qp *create_built_qp(struct ibv_cq *cq) {
    struct ibv_qp_init_attr_ex init;
    memset(&init, 0, sizeof init);
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    init.cap = cap;
    init.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    init.pd = pd;
    init.send_ops_flags = IBV_QP_EX_WITH_SEND;
    return ibv_create_qp_ex(context, &init);
}

static struct end make_end(int built) {
    struct end end;
    end.cq = ibv_create_cq(context, 16, NULL, NULL, 0);
    need(end.cq != NULL, "ibv_create_cq");
    end.qp = built ? create_built_qp(end.cq) : create_qp(end.cq);
    need(end.qp != NULL, "a queue pair");
    return end;
}

static void send_one(struct end from, struct end to, unsigned flags, int built) {
    struct ibv_sge target = {(uintptr_t)&memory[1], BYTES, mr->lkey};
    struct ibv_recv_wr receive = {2, NULL, &target, 1};
    struct ibv_recv_wr *bad = NULL;
    need(ibv_post_recv(to.qp, &receive, &bad) == 0, "ibv_post_recv");
    struct ibv_sge source = {(uintptr_t)&memory[0], BYTES, mr->lkey};
    struct ibv_send_wr wr;
    memset(&wr, 0, sizeof wr);
    wr.wr_id = 1;
    wr.sg_list = &source;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    wr.send_flags = IBV_SEND_SIGNALED | flags;
    if (built)
        need(measured_build(ibv_qp_to_qp_ex(from.qp), &wr) == 0, "ibv_wr_complete");
    else
        need(measured_post(from.qp, &wr) == 0, "ibv_post_send");
    struct ibv_wc wc;
    memset(&wc, 0, sizeof wc);
    while (ibv_poll_cq(to.cq, 1, &wc) == 0) {
    }
    need(wc.status == IBV_WC_SUCCESS, "receive");
    usleep(5000);  // the acknowledgement comes right behind
    need(measured_poll(from.cq, &wc) == 1, "the send was not complete yet");
    need(wc.status == IBV_WC_SUCCESS && wc.wr_id == 1, "send");
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s DEVICE GID_INDEX COUNT [inline] [built] [nobody]\n", argv[0]);
        return 2;
    }
    unsigned flags = 0;
    int built = 0;
    int as_nobody = 0;
    for (int i = 4; i < argc; ++i) {
        if (strcmp(argv[i], "inline") == 0) flags = IBV_SEND_INLINE;
        if (strcmp(argv[i], "built") == 0) built = 1;
        if (strcmp(argv[i], "nobody") == 0) as_nobody = 1;
    }
    open_device(argv[1]);
    const struct end from = make_end(built);
    const struct end to = make_end(built);
    connect_qp(from.qp, to.qp->qp_num, atoi(argv[2]), 0);
    connect_qp(to.qp, from.qp->qp_num, atoi(argv[2]), 0);
    if (as_nobody) need(setuid(65534) == 0, "setuid");
    const int count = atoi(argv[3]);
    for (int i = 0; i < count; ++i)
        send_one(from, to, flags, built);
    printf("%d sends of %d bytes\n", count, (int)BYTES);
    return 0;
}
