/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tries what a kernel's driver has or has not, and prints one line for each; where a call succeeds,
 * data has to move that way.
 *
 *     offers DEVICE GID_INDEX
 */
#include "loop.h"

#include <poll.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static struct loop loop;

static int status_of_write(const struct ibv_sge *source, uint64_t address, uint32_t rkey) {
    struct ibv_sge sge = *source;
    struct ibv_send_wr wr = {0};
    struct ibv_send_wr *bad = NULL;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma.remote_addr = address;
    wr.wr.rdma.rkey = rkey;
    need(ibv_post_send(loop.qp, &wr, &bad) == 0, "ibv_post_send");
    return next_status(loop.cq);
}

/* Writes a word into the region, and looks whether it is there. */
static void write_into(const struct ibv_mr *mr, const volatile uint64_t *target) {
    const struct ibv_sge source = {(uintptr_t)&loop.memory[0], LOOP_BYTES, loop.mr->lkey};
    loop.memory[0] += 0x1234567;
    const int status = status_of_write(&source, (uintptr_t)target, mr->rkey);
    if (status != IBV_WC_SUCCESS) fprintf(stderr, "%s\n", ibv_wc_status_str(status));
    need(status == IBV_WC_SUCCESS, "the write");
    need(*target == loop.memory[0], "the data");
}

static void *new_page(void) {
    void *const page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(page != MAP_FAILED, "mmap");
    return page;
}

static void change_regions(void) {
    const int all = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
    uint64_t *const first = new_page();
    uint64_t *const second = new_page();
    struct ibv_mr *const mr = ibv_reg_mr(loop.pd, first, PAGE, IBV_ACCESS_LOCAL_WRITE);
    need(mr != NULL, "ibv_reg_mr");
    int code = ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0, all) == 0 ? 0 : errno;
    fact("a region's access changes", code);
    if (code == 0) write_into(mr, first);
    code = ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION | IBV_REREG_MR_CHANGE_ACCESS, NULL,
                        second, PAGE, all) == 0
               ? 0
               : errno;
    fact("a region's memory changes", code);
    if (code == 0) write_into(mr, second);
    struct ibv_pd *const pd = ibv_alloc_pd(loop.context);
    code = ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, pd, NULL, 0, 0) == 0 ? 0 : errno;
    fact("a region's domain changes", code);
    need(ibv_dereg_mr(mr) == 0, "ibv_dereg_mr");
    need(ibv_dealloc_pd(pd) == 0, "ibv_dealloc_pd");
}

static void page_on_demand(void) {
    const int all = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_ON_DEMAND;
    uint64_t *const page = new_page(); /* which is not there yet */
    struct ibv_mr *mr = ibv_reg_mr(loop.pd, page, PAGE, all);
    fact("a region is paged on demand", mr != NULL ? 0 : errno);
    if (mr != NULL) {
        write_into(mr, page);
        need(ibv_dereg_mr(mr) == 0, "ibv_dereg_mr");
    }
    mr = ibv_reg_mr(loop.pd, NULL, SIZE_MAX, all);
    fact("all memory is a region", mr != NULL ? 0 : errno);
    if (mr != NULL) {
        write_into(mr, page);
        need(ibv_dereg_mr(mr) == 0, "ibv_dereg_mr");
    }
}

static void share_receives(void) {
    struct ibv_srq_init_attr init = {0};
    init.attr.max_wr = 4;
    init.attr.max_sge = 1;
    struct ibv_srq *const srq = ibv_create_srq(loop.pd, &init);
    need(srq != NULL, "ibv_create_srq");
    static const struct {
        enum ibv_qp_type type;
        const char *text;
    } kinds[] = {{IBV_QPT_RC, "RC with shared receives"},
                 {IBV_QPT_UC, "UC with shared receives"},
                 {IBV_QPT_UD, "UD with shared receives"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        struct ibv_qp *const qp = make_qp(&loop, kinds[i].type, srq);
        fact(kinds[i].text, qp != NULL ? 0 : errno);
        if (qp != NULL) need(ibv_destroy_qp(qp) == 0, "ibv_destroy_qp");
    }
    need(ibv_destroy_srq(srq) == 0, "ibv_destroy_srq");
}

static void allocate_windows(void) {
    static const struct {
        enum ibv_mw_type type;
        const char *text;
    } kinds[] = {{IBV_MW_TYPE_1, "windows of type 1"}, {IBV_MW_TYPE_2, "windows of type 2"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
        struct ibv_mw *const mw = ibv_alloc_mw(loop.pd, kinds[i].type);
        fact(kinds[i].text, mw != NULL ? 0 : errno);
        if (mw != NULL) need(ibv_dealloc_mw(mw) == 0, "ibv_dealloc_mw");
    }
}

/* The last act: the queue pair is in the error state afterwards. */
static void break_a_rule(void) {
    const struct ibv_sge source = {(uintptr_t)&loop.memory[0], LOOP_BYTES, loop.mr->lkey};
    need(status_of_write(&source, (uintptr_t)loop.memory, ~loop.mr->rkey) != IBV_WC_SUCCESS,
         "a write with a wrong key");
    struct pollfd events = {loop.context->async_fd, POLLIN, 0};
    if (poll(&events, 1, 0) == 0) {
        puts("the event of a wrong key: none");
        return;
    }
    struct ibv_async_event event;
    need(ibv_get_async_event(loop.context, &event) == 0, "ibv_get_async_event");
    printf("the event of a wrong key: %s\n", ibv_event_type_str(event.event_type));
    ibv_ack_async_event(&event);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s DEVICE GID_INDEX\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    open_loop(&loop, argv[1], atoi(argv[2]));
    change_regions();
    page_on_demand();
    share_receives();
    allocate_windows();
    fact("a CQ grows", ibv_resize_cq(loop.cq, 100));
    break_a_rule();
    let_go(&loop);
    return 0;
}
