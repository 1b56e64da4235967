/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Short sends between two queue pairs of one process, for counting the instructions of posting and
 * polling: callgrind collects inside of measured_post and measured_poll only. Each send is complete
 * before it is polled, so that one poll is one completion.
 *
 *     post_and_poll DEVICE GID_INDEX COUNT [inline] [nobody]
 *
 * inline: the data goes along in the request. nobody: without rights from when all is set up.
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

__attribute__((noinline)) int measured_post(struct ibv_qp *qp, struct ibv_send_wr *wr);
__attribute__((noinline)) int measured_poll(struct ibv_cq *cq, struct ibv_wc *wc);

int measured_post(struct ibv_qp *qp, struct ibv_send_wr *wr) {
    struct ibv_send_wr *bad = NULL;
    return ibv_post_send(qp, wr, &bad);
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

static struct end make_end(void) {
    struct end end;
    end.cq = ibv_create_cq(context, 16, NULL, NULL, 0);
    need(end.cq != NULL, "ibv_create_cq");
    struct ibv_qp_init_attr init;
    memset(&init, 0, sizeof init);
    init.send_cq = init.recv_cq = end.cq;
    init.qp_type = IBV_QPT_RC;
    init.cap.max_send_wr = init.cap.max_recv_wr = 8;
    init.cap.max_send_sge = init.cap.max_recv_sge = 1;
    init.cap.max_inline_data = BYTES;
    end.qp = ibv_create_qp(pd, &init);
    need(end.qp != NULL, "ibv_create_qp");
    return end;
}

static void send_one(struct end from, struct end to, unsigned flags) {
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
        fprintf(stderr, "usage: %s DEVICE GID_INDEX COUNT [inline] [nobody]\n", argv[0]);
        return 2;
    }
    open_device(argv[1]);
    const struct end from = make_end();
    const struct end to = make_end();
    connect_qp(from.qp, to.qp->qp_num, atoi(argv[2]), 0);
    connect_qp(to.qp, from.qp->qp_num, atoi(argv[2]), 0);
    unsigned flags = 0;
    for (int i = 4; i < argc; ++i) {
        if (strcmp(argv[i], "inline") == 0) flags = IBV_SEND_INLINE;
        if (strcmp(argv[i], "nobody") == 0) need(setuid(65534) == 0, "setuid");
    }
    const int count = atoi(argv[3]);
    for (int i = 0; i < count; ++i)
        send_one(from, to, flags);
    printf("%d sends of %d bytes\n", count, (int)BYTES);
    return 0;
}
