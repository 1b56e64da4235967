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
#include <infiniband/verbs.h>

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

static void need(int claim, const char *what) {
    if (claim) return;
    perror(what);
    exit(1);
}

static void open_device(const char *name) {
    struct ibv_device **list = ibv_get_device_list(NULL);
    need(list != NULL, "ibv_get_device_list");
    for (struct ibv_device **device = list; *device != NULL; ++device)
        if (strcmp(ibv_get_device_name(*device), name) == 0) context = ibv_open_device(*device);
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

static void connect_to(struct ibv_qp *qp, uint32_t peer, int gid_index) {
    struct ibv_qp_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    need(ibv_modify_qp(qp, &attr,
                       IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS) == 0,
         "INIT");
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = peer;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.sgid_index = (uint8_t)gid_index;
    attr.ah_attr.grh.hop_limit = 1;
    need(ibv_query_gid(context, 1, gid_index, &attr.ah_attr.grh.dgid) == 0, "ibv_query_gid");
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
    connect_to(from.qp, to.qp->qp_num, atoi(argv[2]));
    connect_to(to.qp, from.qp->qp_num, atoi(argv[2]));
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
