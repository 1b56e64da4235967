/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The control path of a program, in phases, for counting what each of them costs.
 *
 *     control_path DEVICE GID_INDEX           for valgrind
 *     control_path DEVICE GID_INDEX calls     prints the system calls of each phase
 *
 * For valgrind each phase is one function, measured_NAME.
 * Phases named "again" come once the library has done what it does only once in a process.
 */
#include "count_calls.h"
#include "steps.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MRS = 1000, QPS = 100, BYTES = 4096 };

static const char *device_name;
static int gid_index;
static struct ibv_device **list;
static struct ibv_device **list_again;
static struct ibv_context *context;
static struct ibv_context *context_again;
static struct ibv_pd *pd;
static struct ibv_cq *cq;
static struct ibv_mr *mrs[MRS];
static struct ibv_qp *qps[QPS];
static union ibv_gid gid;
static char memory[BYTES];

static struct ibv_device *found_device(void) {
    struct ibv_device *const device = device_in(list, device_name);
    need(device != NULL, device_name);
    return device;
}

/* Not static, and never inlined: valgrind knows them by their names. */
#define PHASE(name)                                                                                \
    void measured_##name(void);                                                                    \
    __attribute__((noinline)) void measured_##name(void)

PHASE(list) {
    list = ibv_get_device_list(NULL);
}

PHASE(list_again) {
    list_again = ibv_get_device_list(NULL);
}

PHASE(open) {
    context = ibv_open_device(found_device());
}

PHASE(open_again) {
    context_again = ibv_open_device(found_device());
}

PHASE(query) {
    struct ibv_device_attr device;
    struct ibv_port_attr port;
    need(ibv_query_device(context, &device) == 0, "ibv_query_device");
    need(ibv_query_port(context, 1, &port) == 0, "ibv_query_port");
    need(ibv_query_gid(context, 1, gid_index, &gid) == 0, "ibv_query_gid");
}

PHASE(gid_table) {
    struct ibv_gid_entry entries[64];
    need(ibv_query_gid_table(context, entries, sizeof entries / sizeof *entries, 0) > gid_index,
         "ibv_query_gid_table");
}

PHASE(reg_mr) {
    for (int i = 0; i < MRS; ++i)
        mrs[i] = ibv_reg_mr(pd, memory, BYTES, IBV_ACCESS_LOCAL_WRITE);
}

PHASE(create_qp) {
    struct ibv_qp_init_attr init;
    memset(&init, 0, sizeof init);
    init.send_cq = init.recv_cq = cq;
    init.qp_type = IBV_QPT_RC;
    init.cap.max_send_wr = init.cap.max_recv_wr = 8;
    init.cap.max_send_sge = init.cap.max_recv_sge = 1;
    for (int i = 0; i < QPS; ++i) {
        struct ibv_qp_init_attr own = init;
        qps[i] = ibv_create_qp(pd, &own);
    }
}

PHASE(modify_qp) {
    for (int i = 0; i < QPS; ++i) {
        to_init(qps[i], 0);
        to_rtr(qps[i], qps[i]->qp_num, &gid, gid_index);
        to_rts(qps[i]);
    }
}

PHASE(destroy_qp) {
    for (int i = 0; i < QPS; ++i)
        need(ibv_destroy_qp(qps[i]) == 0, "ibv_destroy_qp");
}

PHASE(dereg_mr) {
    for (int i = 0; i < MRS; ++i)
        need(ibv_dereg_mr(mrs[i]) == 0, "ibv_dereg_mr");
}

PHASE(close) {
    need(ibv_close_device(context) == 0, "ibv_close_device");
}

#define RUN(phase)                                                                                 \
    do {                                                                                           \
        mark_phase(#phase);                                                                        \
        measured_##phase();                                                                        \
        mark_phase(NULL);                                                                          \
    } while (0)

static void run_phases(void) {
    RUN(list);
    need(list != NULL, "ibv_get_device_list");
    RUN(list_again);
    need(list_again != NULL, "ibv_get_device_list");
    RUN(open);
    need(context != NULL, "ibv_open_device");
    RUN(open_again);
    need(context_again != NULL, "ibv_open_device");
    ibv_free_device_list(list_again);
    ibv_free_device_list(list);
    pd = ibv_alloc_pd(context);
    need(pd != NULL, "ibv_alloc_pd");
    cq = ibv_create_cq(context, 16, NULL, NULL, 0);
    need(cq != NULL, "ibv_create_cq");
    RUN(query);
    RUN(gid_table);
    RUN(reg_mr);
    for (int i = 0; i < MRS; ++i)
        need(mrs[i] != NULL, "ibv_reg_mr");
    RUN(create_qp);
    for (int i = 0; i < QPS; ++i)
        need(qps[i] != NULL, "ibv_create_qp");
    RUN(modify_qp);
    RUN(destroy_qp);
    RUN(dereg_mr);
    need(ibv_destroy_cq(cq) == 0, "ibv_destroy_cq");
    need(ibv_dealloc_pd(pd) == 0, "ibv_dealloc_pd");
    RUN(close);
    need(ibv_close_device(context_again) == 0, "ibv_close_device");
    printf("%d regions, %d queue pairs\n", (int)MRS, (int)QPS);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s DEVICE GID_INDEX [calls]\n", argv[0]);
        return 2;
    }
    device_name = argv[1];
    gid_index = atoi(argv[2]);
    if (argc > 3 && strcmp(argv[3], "calls") == 0) return count_calls(run_phases);
    run_phases();
    return 0;
}
