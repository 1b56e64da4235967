/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The act of opting in: this program is built with `pkg-config --cflags --libs libverbs-exp`, and
 * asks for a queue pair with IBV_QP_INIT_ATTR_SEND_OPS_FLAGS. Only such a one has the ibv_wr_
 * calls.
 *
 * Builds two requests call by call, instead of as a list of structs, and posts both or none: memory
 * is written, then a message tells that it was. The two queue pairs are this process's own.
 *
 *     wr_batch [DEVICE]
 */
#include <infiniband/verbs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 30 };
static char memory[64], message[16];

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

static struct ibv_qp *create_qp(struct ibv_pd *pd, struct ibv_cq *cq) {
    struct ibv_qp_init_attr_ex attr = {
        .send_cq = cq,
        .recv_cq = cq,
        .cap = {.max_send_wr = 2, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
        .qp_type = IBV_QPT_RC,
        .comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
        .pd = pd,
        .send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_SEND,
    };
    attr.cap.max_inline_data = sizeof memory;
    return made(ibv_create_qp_ex(pd->context, &attr), "ibv_create_qp_ex");
}

static void connect_qp(struct ibv_qp *qp, uint32_t peer) {
    struct ibv_port_attr port;
    struct ibv_qp_attr init = {
        .qp_state = IBV_QPS_INIT, .port_num = 1, .qp_access_flags = IBV_ACCESS_REMOTE_WRITE};
    struct ibv_qp_attr rtr = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = IBV_MTU_1024,
        .dest_qp_num = peer,
        .max_dest_rd_atomic = 1,
        .min_rnr_timer = 12,
        .ah_attr = {.port_num = 1, .is_global = 1},
    };
    struct ibv_qp_attr rts = {
        .qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1};

    check(ibv_query_port(qp->context, 1, &port), "ibv_query_port");
    rtr.ah_attr.dlid = port.lid;
    if (ibv_query_gid(qp->context, 1, 0, &rtr.ah_attr.grh.dgid) != 0) die(errno, "ibv_query_gid");
    rtr.ah_attr.grh.hop_limit = 64;
    check(ibv_modify_qp(qp, &init,
                        IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
          "ibv_modify_qp to INIT");
    check(ibv_modify_qp(qp, &rtr,
                        IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                            IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
          "ibv_modify_qp to RTR");
    check(ibv_modify_qp(qp, &rts,
                        IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
                            IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC),
          "ibv_modify_qp to RTS");
}

int main(int argc, char **argv) {
    const time_t deadline = time(NULL) + SECONDS;
    struct ibv_context *context = open_device(argc > 1 ? argv[1] : NULL);
    struct ibv_pd *pd = made(ibv_alloc_pd(context), "ibv_alloc_pd");
    struct ibv_cq *cq = made(ibv_create_cq(context, 4, NULL, NULL, 0), "ibv_create_cq");
    struct ibv_mr *written = made(
        ibv_reg_mr(pd, memory, sizeof memory, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE),
        "ibv_reg_mr");
    struct ibv_mr *received =
        made(ibv_reg_mr(pd, message, sizeof message, IBV_ACCESS_LOCAL_WRITE), "ibv_reg_mr");
    struct ibv_qp *here = create_qp(pd, cq), *there = create_qp(pd, cq);
    struct ibv_sge sge = {(uintptr_t)message, sizeof message, received->lkey};
    struct ibv_recv_wr recv = {.sg_list = &sge, .num_sge = 1}, *bad;
    struct ibv_qp_ex *qp = made(ibv_qp_to_qp_ex(here), "ibv_qp_to_qp_ex");
    char data[] = "written without a struct", note[] = "look";

    connect_qp(here, there->qp_num);
    connect_qp(there, here->qp_num);
    check(ibv_post_recv(there, &recv, &bad), "ibv_post_recv");

    ibv_wr_start(qp);
    qp->wr_id = 1;
    qp->wr_flags = 0; /* no completion of its own: the second comes after it */
    ibv_wr_rdma_write(qp, written->rkey, (uintptr_t)memory);
    ibv_wr_set_inline_data(qp, data, sizeof data);
    qp->wr_id = 2;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send(qp);
    ibv_wr_set_inline_data(qp, note, sizeof note);
    check(ibv_wr_complete(qp), "ibv_wr_complete"); /* what was wrong with any call is said here */

    for (int pending = 2; pending > 0;) {
        struct ibv_wc wc;
        const int count = ibv_poll_cq(cq, 1, &wc);
        if (count < 0 || time(NULL) > deadline) die(ETIMEDOUT, "a completion");
        if (count > 0 && wc.status != IBV_WC_SUCCESS) die(EIO, ibv_wc_status_str(wc.status));
        pending -= count;
    }
    printf("message \"%s\", memory \"%s\"\n", message, memory);

    check(ibv_destroy_qp(here), "ibv_destroy_qp");
    check(ibv_destroy_qp(there), "ibv_destroy_qp");
    check(ibv_dereg_mr(received), "ibv_dereg_mr");
    check(ibv_dereg_mr(written), "ibv_dereg_mr");
    check(ibv_destroy_cq(cq), "ibv_destroy_cq");
    check(ibv_dealloc_pd(pd), "ibv_dealloc_pd");
    check(ibv_close_device(context), "ibv_close_device");
    return 0;
}
