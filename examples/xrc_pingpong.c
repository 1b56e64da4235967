/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The act of opting in: this program is built with `pkg-config --cflags --libs libverbs-exp`, a
 * library beside the stable one. With `libverbs` in its place the calls marked "XRC" are not
 * declared.
 *
 * Two processes send a message to and fro over extended reliable connections. Each has one receive
 * queue, whose number the other names in every message; the queue could as well serve a thousand
 * connections, and those of other processes that open the same domain.
 *
 *     xrc_pingpong [DEVICE [ROUNDS]]
 */
#include <infiniband/verbs.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, SECONDS = 30 };

struct endpoint {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_mr *mr;
    struct ibv_cq *cq;
    struct ibv_xrcd *domain;
    struct ibv_srq *queue;
    struct ibv_qp *sender, *receiver; /* one way each */
    unsigned char buffer[2][SIZE];    /* sent from, received into */
};

/* What the other side must know. */
struct address {
    union ibv_gid gid;
    uint32_t sender, receiver, queue;
    uint16_t lid;
};

__attribute__((noreturn)) static void die(int code, const char *what) {
    fprintf(stderr, "%s: %s (%s)\n", what, strerror(code), verbs_last_error());
    exit(1);
}

static void check(int code, const char *what) {
    if (code != 0) die(code, what);
}

static void *made(void *object, const char *what) {
    if (object == NULL) die(errno, what);
    return object;
}

static struct ibv_context *open_device(const char *wanted) {
    struct ibv_device **devices = made(ibv_get_device_list(NULL), "ibv_get_device_list");
    struct ibv_context *context;
    int i = 0;

    while (devices[i] != NULL && wanted != NULL && strcmp(ibv_get_device_name(devices[i]), wanted))
        i++;
    if (devices[i] == NULL) die(ENODEV, "the device");
    context = made(ibv_open_device(devices[i]), "ibv_open_device");
    ibv_free_device_list(devices);
    return context;
}

static void create(struct endpoint *end, const char *device) {
    struct ibv_xrcd_init_attr domain = {
        .comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
        .fd = -1, /* a file here, and other processes can open the domain */
        .oflags = O_CREAT,
    };
    struct ibv_srq_init_attr_ex queue = {
        .attr = {.max_wr = 1, .max_sge = 1},
        .comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_XRCD |
                     IBV_SRQ_INIT_ATTR_CQ,
        .srq_type = IBV_SRQT_XRC,
    };
    struct ibv_qp_init_attr_ex receiver = {
        .qp_type = IBV_QPT_XRC_RECV,
        .comp_mask = IBV_QP_INIT_ATTR_XRCD,
    };
    struct ibv_qp_init_attr_ex sender = {
        .cap = {.max_send_wr = 1, .max_send_sge = 1},
        .qp_type = IBV_QPT_XRC_SEND,
        .sq_sig_all = 1,
        .comp_mask = IBV_QP_INIT_ATTR_PD,
    };

    end->context = open_device(device);
    end->pd = made(ibv_alloc_pd(end->context), "ibv_alloc_pd");
    end->mr = made(ibv_reg_mr(end->pd, end->buffer, sizeof end->buffer, IBV_ACCESS_LOCAL_WRITE),
                   "ibv_reg_mr");
    end->cq = made(ibv_create_cq(end->context, 2, NULL, NULL, 0), "ibv_create_cq");
    end->domain = made(ibv_open_xrcd(end->context, &domain), "ibv_open_xrcd"); /* XRC */
    queue.pd = end->pd;
    queue.xrcd = end->domain;
    queue.cq = end->cq; /* messages complete where their queue says, not their QP */
    end->queue = made(ibv_create_srq_ex(end->context, &queue), "ibv_create_srq_ex"); /* XRC */
    receiver.xrcd = end->domain;
    end->receiver = made(ibv_create_qp_ex(end->context, &receiver), "receiving QP"); /* XRC */
    sender.pd = end->pd;
    sender.send_cq = end->cq;
    end->sender = made(ibv_create_qp_ex(end->context, &sender), "sending QP"); /* XRC */
}

/* RESET to INIT to RTR; a sender goes on to RTS. */
static void connect_qp(struct ibv_qp *qp, uint32_t peer, const struct address *theirs) {
    struct ibv_qp_attr init = {.qp_state = IBV_QPS_INIT, .port_num = 1};
    struct ibv_qp_attr rtr = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = IBV_MTU_1024,
        .dest_qp_num = peer,
        .max_dest_rd_atomic = 1,
        .min_rnr_timer = 12, /* 0.64 ms */
        .ah_attr = {.dlid = theirs->lid, .port_num = 1, .is_global = 1},
    };
    struct ibv_qp_attr rts = {
        .qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1};
    int rtr_mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;

    rtr.ah_attr.grh.dgid = theirs->gid;
    rtr.ah_attr.grh.hop_limit = 64;
    if (qp->qp_type == IBV_QPT_XRC_RECV)
        rtr_mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
    check(ibv_modify_qp(qp, &init,
                        IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
          "ibv_modify_qp to INIT");
    check(ibv_modify_qp(qp, &rtr, rtr_mask), "ibv_modify_qp to RTR");
    if (qp->qp_type == IBV_QPT_XRC_RECV) return;
    check(ibv_modify_qp(qp, &rts,
                        IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
                            IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC),
          "ibv_modify_qp to RTS");
}

static void post_receive(struct endpoint *end) {
    struct ibv_sge sge = {(uintptr_t)end->buffer[1], SIZE, end->mr->lkey};
    struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;
    check(ibv_post_srq_recv(end->queue, &wr, &bad), "ibv_post_srq_recv");
}

static void post_send(struct endpoint *end, uint32_t queue) {
    struct ibv_sge sge = {(uintptr_t)end->buffer[0], SIZE, end->mr->lkey};
    struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND}, *bad;
    wr.qp_type.xrc.remote_srqn = queue; /* XRC: whoever has it takes the message */
    check(ibv_post_send(end->sender, &wr, &bad), "ibv_post_send");
}

/* Waits until so many requests, a send and a receive at most, have completed. */
static void complete(struct endpoint *end, int pending) {
    const time_t deadline = time(NULL) + SECONDS;
    while (pending > 0) {
        struct ibv_wc wc;
        const int count = ibv_poll_cq(end->cq, 1, &wc);
        if (count < 0 || time(NULL) > deadline) die(ETIMEDOUT, "a completion");
        if (count > 0 && wc.status != IBV_WC_SUCCESS) die(EIO, ibv_wc_status_str(wc.status));
        if (count > 0 && wc.opcode == IBV_WC_RECV && wc.qp_num != end->receiver->qp_num)
            die(EPROTO, "a message of a QP that is not ours");
        pending -= count;
    }
}

static void play(struct endpoint *end, const struct address *theirs, int rounds, int begins) {
    for (int round = 0; round < rounds; round++) {
        if (!begins) complete(end, round == 0 ? 1 : 2);
        memset(end->buffer[0], round * 2 + begins, SIZE);
        if (begins) {
            post_send(end, theirs->queue);
            complete(end, 2);
        }
        for (int i = 0; i < SIZE; i++)
            if (end->buffer[1][i] != (unsigned char)(round * 2 + !begins)) die(EPROTO, "a byte");
        if (round + 1 < rounds) post_receive(end);
        if (!begins) post_send(end, theirs->queue);
    }
    if (!begins) complete(end, 1);
}

static void exchange(int fd, const void *mine, void *theirs, size_t size) {
    if (write(fd, mine, size) != (ssize_t)size || read(fd, theirs, size) != (ssize_t)size)
        die(EPIPE, "the other side");
}

static void run(int fd, const char *device, int rounds, int begins) {
    struct endpoint end = {0};
    struct address mine = {0}, theirs;
    struct ibv_port_attr port;
    char done = 1, also_done;

    create(&end, device);
    check(ibv_query_port(end.context, 1, &port), "ibv_query_port");
    if (ibv_query_gid(end.context, 1, 0, &mine.gid) != 0) die(errno, "ibv_query_gid");
    mine.lid = port.lid;
    mine.sender = end.sender->qp_num;
    mine.receiver = end.receiver->qp_num;
    check(ibv_get_srq_num(end.queue, &mine.queue), "ibv_get_srq_num"); /* XRC */
    exchange(fd, &mine, &theirs, sizeof mine);
    connect_qp(end.receiver, theirs.sender, &theirs);
    connect_qp(end.sender, theirs.receiver, &theirs);
    post_receive(&end);
    exchange(fd, &done, &also_done, 1); /* both can receive now */
    play(&end, &theirs, rounds, begins);
    exchange(fd, &done, &also_done, 1); /* nobody leaves before the other has everything */

    check(ibv_destroy_qp(end.sender), "ibv_destroy_qp");
    check(ibv_destroy_qp(end.receiver), "ibv_destroy_qp");
    check(ibv_destroy_srq(end.queue), "ibv_destroy_srq");
    check(ibv_close_xrcd(end.domain), "ibv_close_xrcd"); /* XRC */
    check(ibv_destroy_cq(end.cq), "ibv_destroy_cq");
    check(ibv_dereg_mr(end.mr), "ibv_dereg_mr");
    check(ibv_dealloc_pd(end.pd), "ibv_dealloc_pd");
    check(ibv_close_device(end.context), "ibv_close_device");
}

int main(int argc, char **argv) {
    const char *device = argc > 1 ? argv[1] : NULL;
    const int rounds = argc > 2 ? atoi(argv[2]) : 1000;
    int fds[2], status;
    pid_t child;

    if (rounds < 1) die(EINVAL, "usage: xrc_pingpong [DEVICE [ROUNDS]]");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) die(errno, "socketpair");
    child = fork(); /* before any device is open */
    if (child < 0) die(errno, "fork");
    close(fds[child == 0]);
    run(fds[child != 0], device, rounds, child != 0);
    if (child == 0) return 0;
    if (waitpid(child, &status, 0) != child || status != 0) die(ECHILD, "the other process");
    printf("%d rounds of %d bytes, every byte checked\n", rounds, SIZE);
    return 0;
}
