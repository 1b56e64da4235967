/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program in the manner of those that exist, for the experimental calls and structures of
 * devices, queues and memory; source_compat_flow.c has the rest. It relies on nothing but
 * infiniband/verbs.h. check_source_compat.py compiles it, as C and as C++, against our headers and
 * against the reference. It is compiled and never run.
 */
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct endpoint {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_pd *parent;
    struct ibv_td *td;
    struct ibv_xrcd *xrcd;
    struct ibv_cq_ex *cq;
    struct ibv_srq *srq;
    struct ibv_qp *qp;
    struct ibv_qp_ex *qpx;
    struct ibv_mr *mr;
    struct ibv_dm *dm;
    struct ibv_ah *ah;
    struct ibv_mw *mw;
};

static int query_device(struct endpoint *end) {
    struct ibv_values_ex values;
    values.comp_mask = IBV_VALUES_MASK_RAW_CLOCK;
    if (ibv_query_rt_values_ex(end->context, &values)) return EIO;
    return values.raw_clock.tv_nsec ? 0 : ENOTSUP;
}

static int query_gids(struct endpoint *end) {
    struct ibv_gid_entry entries[8];
    struct ibv_ah_attr attr;
    uint8_t mac[ETHERNET_LL_SIZE];
    uint16_t vid;
    const ssize_t count = ibv_query_gid_table(end->context, entries, 8, 0);
    if (count < 0 || ibv_query_gid_ex(end->context, 1, 0, &entries[0], 0)) return EIO;
    if (entries[0].gid_type == IBV_GID_TYPE_ROCE_V2) printf("if %u\n", entries[0].ndev_ifindex);
    memset(&attr, 0, sizeof attr);
    attr.grh.dgid = entries[0].gid;
    return ibv_resolve_eth_l2_from_gid(end->context, &attr, mac, &vid);
}

/* Huge pages, a buffer of the graphics card: what allocators of a domain are used for. */
static void *take_memory(struct ibv_pd *pd, void *pd_context, size_t size, size_t alignment,
                         uint64_t resource_type) {
    (void)pd, (void)pd_context, (void)size, (void)alignment;
    return resource_type ? IBV_ALLOCATOR_USE_DEFAULT : NULL;
}

static void give_memory(struct ibv_pd *pd, void *pd_context, void *memory, uint64_t resource_type) {
    (void)pd, (void)pd_context, (void)memory, (void)resource_type;
}

static int create_domains(struct endpoint *end) {
    struct ibv_td_init_attr td;
    struct ibv_parent_domain_init_attr parent;
    struct ibv_xrcd_init_attr xrcd;
    memset(&td, 0, sizeof td);
    end->td = ibv_alloc_td(end->context, &td);
    memset(&parent, 0, sizeof parent);
    parent.pd = end->pd;
    parent.td = end->td;
    parent.comp_mask =
        IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS | IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT;
    parent.alloc = take_memory;
    parent.free = give_memory;
    parent.pd_context = end;
    end->parent = ibv_alloc_parent_domain(end->context, &parent);
    memset(&xrcd, 0, sizeof xrcd);
    xrcd.comp_mask = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS;
    xrcd.fd = -1;
    xrcd.oflags = O_CREAT;
    end->xrcd = ibv_open_xrcd(end->context, &xrcd);
    return end->parent && end->xrcd ? 0 : errno;
}

static int create_cq(struct endpoint *end) {
    struct ibv_cq_init_attr_ex init;
    struct ibv_modify_cq_attr modify;
    struct ibv_moderate_cq *moderate = &modify.moderate;
    memset(&init, 0, sizeof init);
    init.cqe = 64;
    init.wc_flags = IBV_WC_STANDARD_FLAGS;
    init.wc_flags |= IBV_WC_EX_WITH_COMPLETION_TIMESTAMP;
    init.wc_flags &= IBV_CREATE_CQ_SUP_WC_FLAGS;
    init.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS | IBV_CQ_INIT_ATTR_MASK_PD;
    init.flags = IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
    init.parent_domain = end->parent;
    end->cq = ibv_create_cq_ex(end->context, &init);
    if (!end->cq) return errno;
    memset(&modify, 0, sizeof modify);
    modify.attr_mask = IBV_CQ_ATTR_MODERATE;
    moderate->cq_count = 16;
    moderate->cq_period = 100;
    return ibv_modify_cq(ibv_cq_ex_to_cq(end->cq), &modify);
}

static int create_srq(struct endpoint *end) {
    struct ibv_srq_init_attr_ex init;
    struct ibv_tm_cap *tm = &init.tm_cap;
    uint32_t number;
    memset(&init, 0, sizeof init);
    init.attr.max_wr = 16;
    init.attr.max_sge = 1;
    init.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_XRCD |
                     IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;
    init.srq_type = IBV_SRQT_TM;
    init.pd = end->pd;
    init.xrcd = end->xrcd;
    init.cq = ibv_cq_ex_to_cq(end->cq);
    tm->max_num_tags = 16;
    tm->max_ops = 4;
    end->srq = ibv_create_srq_ex(end->context, &init);
    return end->srq ? ibv_get_srq_num(end->srq, &number) : errno;
}

static int create_qp(struct endpoint *end) {
    struct ibv_qp_init_attr_ex init;
    struct ibv_qp_open_attr open_attr;
    struct ibv_qp_rate_limit_attr limit;
    struct ibv_ece ece;
    memset(&init, 0, sizeof init);
    init.send_cq = init.recv_cq = ibv_cq_ex_to_cq(end->cq);
    init.srq = end->srq;
    init.cap.max_send_wr = 16;
    init.cap.max_send_sge = 1;
    init.qp_type = IBV_QPT_RC;
    init.comp_mask =
        IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS | IBV_QP_INIT_ATTR_CREATE_FLAGS;
    init.pd = end->parent;
    init.create_flags = IBV_QP_CREATE_BLOCK_SELF_MCAST_LB;
    init.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE |
                          IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_WRITE;
    end->qp = ibv_create_qp_ex(end->context, &init);
    if (!end->qp) return errno;
    end->qpx = ibv_qp_to_qp_ex(end->qp);
    if (!end->qpx || end->qpx->qp_base.qp_num != end->qp->qp_num) return EINVAL;
    memset(&ece, 0, sizeof ece);
    if (ibv_query_ece(end->qp, &ece) || (ece.options && ibv_set_ece(end->qp, &ece))) return EINVAL;
    memset(&limit, 0, sizeof limit);
    limit.rate_limit = 1000;
    if (ibv_modify_qp_rate_limit(end->qp, &limit)) return EINVAL;
    memset(&open_attr, 0, sizeof open_attr);
    open_attr.comp_mask = IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE;
    open_attr.qp_type = IBV_QPT_XRC_RECV;
    open_attr.xrcd = end->xrcd;
    if (!ibv_open_qp(end->context, &open_attr)) return errno;
    return ibv_query_qp_data_in_order(end->qp, IBV_WR_RDMA_WRITE, 0) ? 0 : ENOTSUP;
}

static int create_memory(struct endpoint *end, char *buffer, size_t size) {
    struct ibv_alloc_dm_attr attr;
    struct ibv_sge range;
    memset(&attr, 0, sizeof attr);
    attr.length = size;
    attr.log_align_req = 6;
    end->dm = ibv_alloc_dm(end->context, &attr);
    if (!end->dm || ibv_memcpy_to_dm(end->dm, 0, buffer, size) ||
        ibv_memcpy_from_dm(buffer, end->dm, 0, size))
        return EIO;
    if (end->dm->comp_mask & IBV_DM_MASK_HANDLE) printf("dm %u\n", end->dm->handle);
    end->mr = ibv_reg_dm_mr(end->pd, end->dm, 0, size, IBV_ACCESS_ZERO_BASED);
    if (!end->mr) end->mr = ibv_reg_dmabuf_mr(end->pd, 0, size, 0, -1, IBV_ACCESS_LOCAL_WRITE);
    if (!end->mr) end->mr = ibv_alloc_null_mr(end->pd);
    if (!end->mr)
        end->mr = ibv_reg_mr_iova2(end->pd, buffer, size, 0,
                                   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ON_DEMAND);
    if (!end->mr) return errno;
    range.addr = (uintptr_t)buffer;
    range.length = (uint32_t)size;
    range.lkey = end->mr->lkey;
    return ibv_advise_mr(end->pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, IBV_ADVISE_MR_FLAG_FLUSH,
                         &range, 1);
}

static int share_objects(struct endpoint *end) {
    struct ibv_context *context = ibv_import_device(dup(end->context->cmd_fd));
    if (!context) return errno;
    struct ibv_pd *pd = ibv_import_pd(context, end->pd->handle);
    struct ibv_mr *mr = ibv_import_mr(pd, end->mr->handle);
    struct ibv_dm *dm = ibv_import_dm(context, end->dm->handle);
    ibv_unimport_dm(dm);
    ibv_unimport_mr(mr);
    ibv_unimport_pd(pd);
    return ibv_close_device(context);
}

static int post_messages(struct endpoint *end, uint32_t rkey, uint64_t addr) {
    struct ibv_qp_ex *qp = end->qpx;
    struct ibv_sge sge;
    struct ibv_data_buf pieces[1];
    memset(&sge, 0, sizeof sge);
    memset(pieces, 0, sizeof pieces);
    ibv_wr_start(qp);
    qp->wr_id = 1;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_send(qp);
    ibv_wr_set_ud_addr(qp, end->ah, 1, 0x11111111);
    ibv_wr_set_sge(qp, end->mr->lkey, addr, 64);
    ibv_wr_send_imm(qp, 7);
    ibv_wr_set_sge_list(qp, 1, &sge);
    ibv_wr_send_inv(qp, rkey);
    ibv_wr_set_inline_data(qp, &sge, sizeof sge);
    ibv_wr_rdma_write(qp, rkey, addr);
    ibv_wr_set_inline_data_list(qp, 1, pieces);
    ibv_wr_rdma_write_imm(qp, rkey, addr, 7);
    ibv_wr_set_xrc_srqn(qp, 1);
    ibv_wr_rdma_read(qp, rkey, addr);
    return ibv_wr_complete(qp);
}

static void post_others(struct endpoint *end, uint32_t rkey, uint64_t addr) {
    struct ibv_mw_bind_info info;
    const uint64_t value = 1;
    char header[54];
    memset(&info, 0, sizeof info);
    memset(header, 0, sizeof header);
    ibv_wr_start(end->qpx);
    ibv_wr_atomic_cmp_swp(end->qpx, rkey, addr, 1, 2);
    ibv_wr_atomic_fetch_add(end->qpx, rkey, addr, 1);
    ibv_wr_atomic_write(end->qpx, rkey, addr, &value);
    ibv_wr_bind_mw(end->qpx, end->mw, rkey, &info);
    ibv_wr_local_inv(end->qpx, rkey);
    ibv_wr_send_tso(end->qpx, header, sizeof header, 1460);
    ibv_wr_abort(end->qpx);
}

static int match_tags(struct endpoint *end) {
    struct ibv_ops_wr add, *bad;
    memset(&add, 0, sizeof add);
    add.opcode = IBV_WR_TAG_ADD;
    add.flags = IBV_OPS_SIGNALED | IBV_OPS_TM_SYNC;
    add.tm.add.tag = 0x1234;
    add.tm.add.mask = UINT64_MAX;
    if (ibv_post_srq_ops(end->srq, &add, &bad)) return EIO;
    add.opcode = IBV_WR_TAG_DEL;
    return ibv_post_srq_ops(end->srq, &add, &bad);
}

static void print_completion(struct ibv_cq_ex *cq) {
    struct ibv_wc_tm_info tm;
    printf("%llu: %s, %d, vendor %x, flags %x\n", (unsigned long long)cq->wr_id,
           ibv_wc_status_str(cq->status), (int)ibv_wc_read_opcode(cq), ibv_wc_read_vendor_err(cq),
           ibv_wc_read_wc_flags(cq));
    printf("%u bytes, imm %x, key %x, QP %u from %u\n", ibv_wc_read_byte_len(cq),
           ibv_wc_read_imm_data(cq), ibv_wc_read_invalidated_rkey(cq), ibv_wc_read_qp_num(cq),
           ibv_wc_read_src_qp(cq));
    printf("LID %u, SL %u, path %u, VLAN %u, flow %u\n", ibv_wc_read_slid(cq), ibv_wc_read_sl(cq),
           ibv_wc_read_dlid_path_bits(cq), ibv_wc_read_cvlan(cq), ibv_wc_read_flow_tag(cq));
    ibv_wc_read_tm_info(cq, &tm);
    printf("%llu ticks, %llu ns, tag %llu %u\n", (unsigned long long)ibv_wc_read_completion_ts(cq),
           (unsigned long long)ibv_wc_read_completion_wallclock_ns(cq), (unsigned long long)tm.tag,
           tm.priv);
}

static int poll_all(struct endpoint *end) {
    struct ibv_poll_cq_attr attr;
    memset(&attr, 0, sizeof attr);
    int rc = ibv_start_poll(end->cq, &attr);
    if (rc) return rc == ENOENT ? 0 : rc;
    do {
        print_completion(end->cq);
        rc = ibv_next_poll(end->cq);
    } while (!rc);
    ibv_end_poll(end->cq);
    return rc == ENOENT ? 0 : rc;
}

static int destroy_objects(struct endpoint *end) {
    int failures = ibv_destroy_qp(end->qp) != 0;
    failures += ibv_destroy_srq(end->srq) != 0;
    failures += ibv_destroy_cq(ibv_cq_ex_to_cq(end->cq)) != 0;
    failures += ibv_dereg_mr(end->mr) != 0;
    failures += ibv_free_dm(end->dm) != 0;
    failures += ibv_close_xrcd(end->xrcd) != 0;
    failures += ibv_dealloc_pd(end->parent) != 0;
    failures += ibv_dealloc_td(end->td) != 0;
    return failures;
}

int main(void) {
    struct endpoint end;
    char buffer[64];
    memset(&end, 0, sizeof end);
    memset(buffer, 0, sizeof buffer);
    if (query_device(&end) || query_gids(&end) || create_domains(&end) || create_cq(&end) ||
        create_srq(&end) || create_qp(&end) || create_memory(&end, buffer, sizeof buffer))
        return EXIT_FAILURE;
    post_others(&end, 1, 0);
    if (share_objects(&end) || post_messages(&end, 1, 0) || match_tags(&end) || poll_all(&end))
        return EXIT_FAILURE;
    return destroy_objects(&end);
}
