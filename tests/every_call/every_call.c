/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls every function for programs that rdma-core's header declares, and writes down what came of
 * each: an object, 0, an error's name, a value. What a device cannot do is an answer as well. It
 * relies on nothing but infiniband/verbs.h, so that it is built with any header and library, and
 * its output is the same with each of them on the same device.
 *
 * usage: every_call DEVICE
 */
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PORT 1
#define SIZE 4096

static char memory[SIZE] __attribute__((aligned(4096)));

static void told(const char *call, const char *text) {
    printf("%-36s %s\n", call, text);
}

static const char *name_of(int code) {
    const char *name = strerrorname_np(code);
    return name ? name : "0";
}

static int object(const char *call, const void *made) {
    told(call, made ? "object" : name_of(errno));
    return made != NULL;
}

/* Of calls that return an errno value, or -1 and errno. */
static int code(const char *call, int result) {
    char text[64];
    if (result < 0)
        snprintf(text, sizeof text, "%d %s", result, name_of(errno));
    else
        snprintf(text, sizeof text, "%s", name_of(result));
    told(call, text);
    return result == 0;
}

static void value(const char *call, long long number) {
    char text[32];
    snprintf(text, sizeof text, "%lld", number);
    told(call, text);
}

static void words(const char *call, const char *text) {
    told(call, text ? text : "(null)");
}

static void done(const char *call) {
    told(call, "called");
}

static void without(const char *call, const char *what) {
    char text[64];
    snprintf(text, sizeof text, "not called, no %s", what);
    told(call, text);
}

/* A call whose result is a pointer, of one whose result is a code, and its arguments. */
#define OBJECT(call, ...) (errno = 0, object(#call, call(__VA_ARGS__)))
#define TAKE(variable, call, ...) (errno = 0, variable = call(__VA_ARGS__), object(#call, variable))
#define CODE(call, ...) (errno = 0, code(#call, call(__VA_ARGS__)))
#define CODE_WITH(thing, call, ...)                                                                \
    do {                                                                                           \
        if (thing)                                                                                 \
            (void)CODE(call, __VA_ARGS__);                                                         \
        else                                                                                       \
            without(#call, #thing);                                                                \
    } while (0)
#define VALUE(call, ...) value(#call, (long long)call(__VA_ARGS__))
#define WORDS(call, ...) words(#call, call(__VA_ARGS__))
#define VOID(call, ...) (call(__VA_ARGS__), done(#call))

/* What the calls are made with; what a device does not have stays NULL. */
static struct ibv_context *context;
static struct ibv_pd *pd;
static struct ibv_mr *mr;
static struct ibv_comp_channel *channel;
static struct ibv_cq *cq;
static struct ibv_cq_ex *polled;
static struct ibv_srq *srq;
static struct ibv_qp *qp, *peer;
static struct ibv_qp_ex *builder;
static union ibv_gid gid;

static int open_device(const char *name) {
    int count = 0;
    struct ibv_device **list = NULL, *found = NULL;
    CODE(ibv_fork_init, );
    VALUE(ibv_is_fork_initialized, );
    if (!TAKE(list, ibv_get_device_list, &count)) return 0;
    for (int i = 0; i < count; ++i)
        if (!strcmp(ibv_get_device_name(list[i]), name)) found = list[i];
    if (found) {
        WORDS(ibv_get_device_name, found);
        VALUE(ibv_get_device_index, found);
        value("ibv_get_device_guid", ibv_get_device_guid(found) != 0);
        WORDS(ibv_node_type_str, found->node_type);
        TAKE(context, ibv_open_device, found);
    }
    VOID(ibv_free_device_list, list);
    return context != NULL;
}

static void query_device(void) {
    struct ibv_device_attr plain;
    struct ibv_device_attr_ex attr;
    struct ibv_values_ex values = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK};
    memset(&attr, 0, sizeof attr);
    CODE(ibv_query_device, context, &plain);
    CODE(ibv_query_device_ex, context, NULL, &attr);
    value("same limits", !memcmp(&plain.max_qp, &attr.orig_attr.max_qp, sizeof plain.max_qp));
    value("capabilities", (long long)attr.device_cap_flags_ex);
    value("pages on demand", (long long)attr.odp_caps.general_caps);
    value("device memory", (long long)attr.max_dm_size);
    value("tags", attr.tm_caps.max_num_tags);
    VALUE(ibv_is_qpt_supported, attr.tso_caps.supported_qpts, IBV_QPT_UD);
    CODE(ibv_query_rt_values_ex, context, &values);
}

static void query_port(void) {
    struct ibv_port_attr port;
    struct ibv_gid_entry entry;
    struct ibv_gid_entry entries[64];
    __be16 pkey = 0;
    CODE(ibv_query_port, context, PORT, &port);
    WORDS(ibv_port_state_str, port.state);
    value("gid_tbl_len", port.gid_tbl_len);
    CODE(ibv_query_pkey, context, PORT, 0, &pkey);
    value("pkey", pkey);
    VALUE(ibv_get_pkey_index, context, PORT, pkey);
    CODE(ibv_query_gid, context, PORT, 0, &gid);
    CODE(ibv_query_gid_ex, context, PORT, 0, &entry, 0);
    value("gid_type", entry.gid_type);
    VALUE(ibv_query_gid_table, context, entries, 64, 0);
    CODE(ibv_query_gid_ex, context, PORT, 0, &entry, 1);
}

static void convert(void) {
    VALUE(ibv_rate_to_mult, IBV_RATE_10_GBPS);
    VALUE(mult_to_ibv_rate, 4);
    VALUE(ibv_rate_to_mbps, IBV_RATE_100_GBPS);
    VALUE(mbps_to_ibv_rate, 25781);
    VALUE(ibv_inc_rkey, 0x1ff);
    VALUE(ibv_flow_label_to_udp_sport, 0x12345);
    WORDS(ibv_wc_status_str, IBV_WC_RNR_RETRY_EXC_ERR);
    WORDS(ibv_event_type_str, IBV_EVENT_PORT_ERR);
}

static void use_domains(void) {
    struct ibv_td *td = NULL;
    struct ibv_pd *parent = NULL;
    struct ibv_td_init_attr td_attr = {.comp_mask = 0};
    TAKE(pd, ibv_alloc_pd, context);
    if (TAKE(td, ibv_alloc_td, context, &td_attr)) {
        struct ibv_parent_domain_init_attr attr;
        memset(&attr, 0, sizeof attr);
        attr.pd = pd;
        attr.td = td;
        if (TAKE(parent, ibv_alloc_parent_domain, context, &attr)) ibv_dealloc_pd(parent);
        CODE(ibv_dealloc_td, td);
    } else {
        without("ibv_alloc_parent_domain", "td");
        without("ibv_dealloc_td", "td");
    }
    if (TAKE(parent, ibv_import_pd, context, pd->handle))
        VOID(ibv_unimport_pd, parent);
    else
        without("ibv_unimport_pd", "pd");
}

static void use_regions(void) {
    const int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                       IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND;
    struct ibv_mr *other = NULL;
    TAKE(mr, ibv_reg_mr, pd, memory, SIZE, access);
    if (TAKE(other, ibv_reg_mr_iova, pd, memory, SIZE, 0x10000, IBV_ACCESS_LOCAL_WRITE)) {
        CODE(ibv_rereg_mr, other, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0, access);
        CODE(ibv_dereg_mr, other);
    }
    if (TAKE(other, ibv_reg_mr_iova2, pd, memory, SIZE, 0x20000, IBV_ACCESS_LOCAL_WRITE))
        ibv_dereg_mr(other);
    if (TAKE(other, ibv_alloc_null_mr, pd)) ibv_dereg_mr(other);
    if (TAKE(other, ibv_reg_dmabuf_mr, pd, 0, SIZE, 0, -1, IBV_ACCESS_LOCAL_WRITE))
        ibv_dereg_mr(other);
    if (TAKE(other, ibv_import_mr, pd, mr->handle))
        VOID(ibv_unimport_mr, other);
    else
        without("ibv_unimport_mr", "mr");
    /* Of pages on demand alone: asked about other regions, the soft-RoCE of kernel 7.2 reads what
     * is none of its own, and may die of it. */
    if (TAKE(other, ibv_reg_mr, pd, memory, SIZE, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ON_DEMAND)) {
        struct ibv_sge sge = {(uintptr_t)memory, SIZE, other->lkey};
        CODE(ibv_advise_mr, pd, IBV_ADVISE_MR_ADVICE_PREFETCH, IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1);
        ibv_dereg_mr(other);
    } else {
        without("ibv_advise_mr", "region");
    }
}

static void use_device_memory(void) {
    struct ibv_alloc_dm_attr attr = {.length = 64};
    struct ibv_dm *dm = NULL, *imported = NULL;
    struct ibv_mr *region = NULL;
    uint64_t word = 7;
    TAKE(dm, ibv_alloc_dm, context, &attr);
    CODE_WITH(dm, ibv_memcpy_to_dm, dm, 8, &word, sizeof word);
    CODE_WITH(dm, ibv_memcpy_from_dm, &word, dm, 0, sizeof word);
    if (dm &&
        TAKE(region, ibv_reg_dm_mr, pd, dm, 0, 64, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ZERO_BASED))
        ibv_dereg_mr(region);
    CODE_WITH(dm, ibv_free_dm, dm);
    if (TAKE(imported, ibv_import_dm, context, 0x7fffff))
        VOID(ibv_unimport_dm, imported);
    else
        without("ibv_unimport_dm", "dm");
    OBJECT(ibv_import_device, -1);
}

static void make_queues(void) {
    struct ibv_cq_init_attr_ex cq_attr;
    struct ibv_srq_init_attr srq_attr = {.attr = {.max_wr = 4, .max_sge = 1}};
    struct ibv_modify_cq_attr moderation = {IBV_CQ_ATTR_MODERATE, {16, 10}};
    memset(&cq_attr, 0, sizeof cq_attr);
    TAKE(channel, ibv_create_comp_channel, context);
    TAKE(cq, ibv_create_cq, context, 16, NULL, channel, 0);
    CODE(ibv_resize_cq, cq, 32);
    CODE(ibv_modify_cq, cq, &moderation);
    cq_attr.cqe = 16;
    cq_attr.wc_flags = IBV_WC_STANDARD_FLAGS;
    if (TAKE(polled, ibv_create_cq_ex, context, &cq_attr)) OBJECT(ibv_cq_ex_to_cq, polled);
    TAKE(srq, ibv_create_srq, pd, &srq_attr);
    if (srq) {
        struct ibv_srq_attr limit = {.srq_limit = 1};
        uint32_t number = 0;
        CODE(ibv_modify_srq, srq, &limit, IBV_SRQ_LIMIT);
        CODE(ibv_query_srq, srq, &limit);
        CODE(ibv_get_srq_num, srq, &number);
    }
}

static void use_xrc(void) {
    struct ibv_xrcd_init_attr attr = {.comp_mask =
                                          IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS,
                                      .fd = -1,
                                      .oflags = O_CREAT};
    struct ibv_xrcd *xrcd = NULL;
    struct ibv_srq_init_attr_ex srq_attr;
    struct ibv_srq *shared = NULL;
    struct ibv_qp_open_attr open_attr;
    struct ibv_qp *opened = NULL;
    uint32_t number = 0;
    memset(&srq_attr, 0, sizeof srq_attr);
    memset(&open_attr, 0, sizeof open_attr);
    TAKE(xrcd, ibv_open_xrcd, context, &attr);
    srq_attr.attr.max_wr = 4;
    srq_attr.attr.max_sge = 1;
    srq_attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_XRCD |
                         IBV_SRQ_INIT_ATTR_CQ;
    srq_attr.srq_type = IBV_SRQT_XRC;
    srq_attr.pd = pd;
    srq_attr.xrcd = xrcd;
    srq_attr.cq = cq;
    if (xrcd && TAKE(shared, ibv_create_srq_ex, context, &srq_attr)) {
        CODE(ibv_get_srq_num, shared, &number);
        ibv_destroy_srq(shared);
    }
    open_attr.comp_mask = IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE;
    open_attr.qp_num = 0xffffff;
    open_attr.qp_type = IBV_QPT_XRC_RECV;
    open_attr.xrcd = xrcd;
    if (!xrcd)
        without("ibv_open_qp", "xrcd");
    else if (TAKE(opened, ibv_open_qp, context, &open_attr))
        ibv_destroy_qp(opened);
    CODE_WITH(xrcd, ibv_close_xrcd, xrcd);
}

static void use_tags(void) {
    struct ibv_srq_init_attr_ex attr;
    struct ibv_ops_wr add, remove, *bad = NULL;
    struct ibv_srq *tagged = NULL;
    memset(&attr, 0, sizeof attr);
    memset(&add, 0, sizeof add);
    memset(&remove, 0, sizeof remove);
    attr.attr.max_wr = 4;
    attr.attr.max_sge = 1;
    attr.comp_mask =
        IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;
    attr.srq_type = IBV_SRQT_TM;
    attr.pd = pd;
    attr.cq = cq;
    attr.tm_cap.max_num_tags = 4;
    attr.tm_cap.max_ops = 4;
    add.opcode = IBV_WR_TAG_ADD;
    remove.opcode = IBV_WR_TAG_DEL;
    if (TAKE(tagged, ibv_create_srq_ex, context, &attr)) {
        CODE(ibv_post_srq_ops, tagged, &add, &bad);
        value("handle", add.tm.handle);
        remove.tm.handle = add.tm.handle;
        CODE(ibv_post_srq_ops, tagged, &remove, &bad);
        ibv_destroy_srq(tagged);
    }
    attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD;
    attr.srq_type = IBV_SRQT_BASIC;
    if (TAKE(tagged, ibv_create_srq_ex, context, &attr)) {
        CODE(ibv_post_srq_ops, tagged, &add, &bad);
        ibv_destroy_srq(tagged);
    }
}

static void make_pairs(void) {
    struct ibv_qp_init_attr attr = {.send_cq = cq,
                                    .recv_cq = cq,
                                    .cap = {8, 8, 1, 1, 0},
                                    .qp_type = IBV_QPT_RC,
                                    .sq_sig_all = 1};
    struct ibv_qp_init_attr_ex attr_ex;
    struct ibv_ece ece;
    TAKE(peer, ibv_create_qp, pd, &attr);
    memset(&attr_ex, 0, sizeof attr_ex);
    attr_ex.send_cq = polled ? ibv_cq_ex_to_cq(polled) : cq;
    attr_ex.recv_cq = cq;
    attr_ex.cap = attr.cap;
    attr_ex.qp_type = IBV_QPT_RC;
    attr_ex.sq_sig_all = 1;
    attr_ex.cap.max_inline_data = 16;
    attr_ex.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    attr_ex.pd = pd;
    attr_ex.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM |
                             IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM |
                             IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP |
                             IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
    if (TAKE(qp, ibv_create_qp_ex, context, &attr_ex)) TAKE(builder, ibv_qp_to_qp_ex, qp);
    CODE(ibv_query_ece, peer, &ece);
    memset(&ece, 0, sizeof ece);
    CODE(ibv_set_ece, peer, &ece);
}

/* Queue pairs of types that few devices have. */
static void make_others(void) {
    static const enum ibv_qp_type types[] = {IBV_QPT_RAW_PACKET, IBV_QPT_DRIVER};
    struct ibv_qp_init_attr attr = {.send_cq = cq, .recv_cq = cq, .cap = {4, 4, 1, 1, 0}};
    struct ibv_qp_init_attr_ex attr_ex;
    struct ibv_qp *other = NULL;
    memset(&attr_ex, 0, sizeof attr_ex);
    attr_ex.send_cq = attr_ex.recv_cq = cq;
    attr_ex.cap = attr.cap;
    attr_ex.pd = pd;
    for (int i = 0; i < 2; ++i) {
        attr.qp_type = attr_ex.qp_type = types[i];
        if (TAKE(other, ibv_create_qp, pd, &attr)) ibv_destroy_qp(other);
        attr_ex.comp_mask = IBV_QP_INIT_ATTR_PD;
        if (TAKE(other, ibv_create_qp_ex, context, &attr_ex)) ibv_destroy_qp(other);
    }
    attr_ex.qp_type = IBV_QPT_UD;
    attr_ex.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_MAX_TSO_HEADER;
    attr_ex.max_tso_header = 64;
    if (TAKE(other, ibv_create_qp_ex, context, &attr_ex)) ibv_destroy_qp(other);
    attr_ex.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    attr_ex.send_ops_flags = IBV_QP_EX_WITH_TSO;
    if (TAKE(other, ibv_create_qp_ex, context, &attr_ex)) ibv_destroy_qp(other);
}

static int connect_to(struct ibv_qp *end, uint32_t number) {
    struct ibv_qp_attr attr;
    int result = 0;
    memset(&attr, 0, sizeof attr);
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = PORT;
    attr.qp_access_flags =
        IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC;
    result = ibv_modify_qp(end, &attr,
                           IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = number;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.grh.dgid = gid;
    attr.ah_attr.grh.hop_limit = 1;
    attr.ah_attr.port_num = PORT;
    if (!result)
        result =
            ibv_modify_qp(end, &attr,
                          IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
                              IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 14;
    attr.retry_cnt = attr.rnr_retry = 7;
    attr.max_rd_atomic = 1;
    if (!result)
        result = ibv_modify_qp(end, &attr,
                               IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                                   IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
    return result;
}

/* Reads what the completion at hand has; which values those are is the device's affair. */
static void read_fields(void) {
    struct ibv_wc_tm_info tags;
    (void)(ibv_wc_read_opcode(polled) + ibv_wc_read_vendor_err(polled));
    (void)(ibv_wc_read_byte_len(polled) + ibv_wc_read_qp_num(polled) + ibv_wc_read_src_qp(polled));
    (void)(ibv_wc_read_slid(polled) + ibv_wc_read_sl(polled) + ibv_wc_read_dlid_path_bits(polled));
    if (ibv_wc_read_wc_flags(polled) & IBV_WC_WITH_IMM) (void)ibv_wc_read_imm_data(polled);
    if (ibv_wc_read_wc_flags(polled) & IBV_WC_WITH_INV) (void)ibv_wc_read_invalidated_rkey(polled);
    /* Nobody asked for these, so a device may have nothing behind them. */
    if (polled->read_completion_ts) (void)ibv_wc_read_completion_ts(polled);
    if (polled->read_completion_wallclock_ns) (void)ibv_wc_read_completion_wallclock_ns(polled);
    if (polled->read_cvlan) (void)ibv_wc_read_cvlan(polled);
    if (polled->read_flow_tag) (void)ibv_wc_read_flow_tag(polled);
    if (polled->read_tm_info) ibv_wc_read_tm_info(polled, &tags);
}

/* Waits for completions, those of the builder's requests in steps; tells how many went wrong. */
static void complete(const char *what, int sends, int receives) {
    const time_t end = time(NULL) + 10;
    struct ibv_poll_cq_attr attr = {.comp_mask = 0};
    struct ibv_wc wc;
    int failed = 0;
    char text[64];
    while (sends > 0 && time(NULL) < end) {
        if (ibv_start_poll(polled, &attr)) continue;
        do {
            failed += polled->status != IBV_WC_SUCCESS;
            read_fields();
        } while (--sends > 0 && !ibv_next_poll(polled));
        ibv_end_poll(polled);
    }
    while (receives > 0 && time(NULL) < end) {
        if (ibv_poll_cq(cq, 1, &wc) != 1) continue;
        failed += wc.status != IBV_WC_SUCCESS;
        --receives;
    }
    snprintf(text, sizeof text, "%d failed, %d and %d missing", failed, sends, receives);
    told(what, text);
}

static void receive(void) {
    struct ibv_sge sge = {(uintptr_t)memory + 512, 64, mr->lkey};
    struct ibv_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad = NULL;
    CODE(ibv_post_recv, peer, &wr, &bad);
}

/* One request by the builder, from the start to its completions. */
#define BUILD(receives, call, ...)                                                                 \
    do {                                                                                           \
        ibv_wr_start(builder);                                                                     \
        call(__VA_ARGS__);                                                                         \
        ibv_wr_set_sge(builder, mr->lkey, (uintptr_t)memory, 8);                                   \
        code(#call, ibv_wr_complete(builder));                                                     \
        complete(#call, 1, receives);                                                              \
    } while (0)

/* An RDMA WRITE, whose data another call names. */
#define BUILD_WRITE(call, ...)                                                                     \
    do {                                                                                           \
        ibv_wr_start(builder);                                                                     \
        ibv_wr_rdma_write(builder, mr->rkey, (uintptr_t)memory + 1024);                            \
        call(__VA_ARGS__);                                                                         \
        code(#call, ibv_wr_complete(builder));                                                     \
        complete(#call, 1, 0);                                                                     \
    } while (0)

static void build_requests(void) {
    const uint64_t remote = (uintptr_t)memory + 1024;
    const struct ibv_sge sges[] = {{(uintptr_t)memory, 8, mr->lkey}};
    receive();
    BUILD(1, ibv_wr_send, builder);
    receive();
    BUILD(1, ibv_wr_send_imm, builder, 7);
    BUILD(0, ibv_wr_rdma_write, builder, mr->rkey, remote);
    receive();
    BUILD(1, ibv_wr_rdma_write_imm, builder, mr->rkey, remote, 7);
    BUILD(0, ibv_wr_rdma_read, builder, mr->rkey, remote);
    BUILD(0, ibv_wr_atomic_cmp_swp, builder, mr->rkey, remote, 0, 1);
    BUILD(0, ibv_wr_atomic_fetch_add, builder, mr->rkey, remote, 1);
    BUILD_WRITE(ibv_wr_set_sge_list, builder, 1, sges);
    ibv_wr_start(builder);
    for (int i = 0; i < 2; ++i) {
        ibv_wr_rdma_write(builder, mr->rkey, remote);
        ibv_wr_set_sge(builder, mr->lkey, (uintptr_t)memory, 8);
    }
    CODE(ibv_wr_complete, builder);
    complete("ibv_next_poll", 2, 0);
    VOID(ibv_wr_start, builder);
    ibv_wr_rdma_write(builder, mr->rkey, remote);
    ibv_wr_set_sge(builder, mr->lkey, (uintptr_t)memory, 8);
    VOID(ibv_wr_abort, builder);
}

static void build_inline_requests(void) {
    const struct ibv_data_buf parts[] = {{memory, 4}, {memory + 8, 4}};
    BUILD_WRITE(ibv_wr_set_inline_data, builder, memory, 8);
    BUILD_WRITE(ibv_wr_set_inline_data_list, builder, 2, parts);
}

/* Requests that this queue pair was not made for: whether it has them is not said, and they are not
 * sent. */
static void build_others(struct ibv_ah *ah) {
    const struct ibv_mw_bind_info bind = {.mr = mr, .addr = (uintptr_t)memory, .length = 8};
    struct ibv_mw *const window = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
    ibv_wr_start(builder);
    if (builder->wr_send_inv) ibv_wr_send_inv(builder, 0x100);
    if (builder->wr_local_inv) ibv_wr_local_inv(builder, 0x100);
    if (builder->wr_send_tso) ibv_wr_send_tso(builder, memory, 8, 8);
    if (builder->wr_atomic_write) ibv_wr_atomic_write(builder, mr->rkey, 0, memory);
    if (builder->wr_bind_mw && window) ibv_wr_bind_mw(builder, window, 0x1ff, &bind);
    if (builder->wr_set_xrc_srqn) ibv_wr_set_xrc_srqn(builder, 1);
    if (builder->wr_set_ud_addr && ah) ibv_wr_set_ud_addr(builder, ah, 1, 1);
    ibv_wr_abort(builder);
    if (window) ibv_dealloc_mw(window);
    done("builders of other queue pairs");
}

/* The plain calls of the data path, with an event. */
static void post_plainly(void) {
    struct ibv_sge sge = {(uintptr_t)memory, 8, mr->lkey};
    struct ibv_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_RDMA_WRITE},
                       *bad = NULL;
    struct ibv_wc wc;
    struct ibv_cq *told_cq = NULL;
    void *told_context = NULL;
    wr.wr.rdma.remote_addr = (uintptr_t)memory + 1024;
    wr.wr.rdma.rkey = mr->rkey;
    CODE(ibv_req_notify_cq, cq, 0);
    CODE(ibv_post_send, peer, &wr, &bad);
    struct pollfd waiting = {.fd = channel->fd, .events = POLLIN};
    value("event", poll(&waiting, 1, 10000));
    fcntl(channel->fd, F_SETFL, O_NONBLOCK);
    CODE(ibv_get_cq_event, channel, &told_cq, &told_context);
    if (told_cq) VOID(ibv_ack_cq_events, told_cq, 1);
    VALUE(ibv_poll_cq, cq, 1, &wc);
    if (srq) {
        struct ibv_recv_wr receive_wr = {.sg_list = &sge, .num_sge = 1}, *bad_receive = NULL;
        CODE(ibv_post_srq_recv, srq, &receive_wr, &bad_receive);
    }
}

static void bind_window(void) {
    struct ibv_mw *window = NULL;
    struct ibv_mw_bind bind;
    memset(&bind, 0, sizeof bind);
    bind.bind_info.mr = mr;
    bind.bind_info.addr = (uintptr_t)memory;
    bind.bind_info.length = 8;
    bind.send_flags = IBV_SEND_SIGNALED;
    TAKE(window, ibv_alloc_mw, pd, IBV_MW_TYPE_1);
    if (window) {
        if (CODE(ibv_bind_mw, peer, window, &bind)) complete("ibv_bind_mw", 0, 1);
        CODE(ibv_dealloc_mw, window);
    }
}

static void change_queue_pairs(void) {
    struct ibv_qp_attr attr;
    struct ibv_qp_init_attr init;
    struct ibv_qp_rate_limit_attr limit = {.rate_limit = 1000};
    code("ibv_modify_qp", connect_to(qp, peer->qp_num));
    code("ibv_modify_qp", connect_to(peer, qp->qp_num));
    CODE(ibv_query_qp, peer, &attr, IBV_QP_STATE, &init);
    value("state", attr.qp_state);
    CODE(ibv_modify_qp_rate_limit, peer, &limit);
    VALUE(ibv_query_qp_data_in_order, peer, IBV_WR_RDMA_WRITE, 0);
}

static struct ibv_ah *address(void) {
    struct ibv_ah_attr attr = {.is_global = 1, .grh = {.hop_limit = 1}, .port_num = PORT};
    struct ibv_ah *ah = NULL, *answer = NULL;
    struct ibv_wc wc;
    char grh[40];
    attr.grh.dgid = gid;
    TAKE(ah, ibv_create_ah, pd, &attr);
    memset(&wc, 0, sizeof wc);
    memset(grh, 0, sizeof grh);
    CODE(ibv_init_ah_from_wc, context, PORT, &wc, (struct ibv_grh *)grh, &attr);
    if (TAKE(answer, ibv_create_ah_from_wc, pd, &wc, (struct ibv_grh *)grh, PORT))
        ibv_destroy_ah(answer);
    attr.grh.dgid = gid;
    uint8_t mac[ETHERNET_LL_SIZE];
    uint16_t vid;
    CODE(ibv_resolve_eth_l2_from_gid, context, &attr, mac, &vid);
    return ah;
}

static void join_group(void) {
    struct ibv_qp_init_attr attr = {
        .send_cq = cq, .recv_cq = cq, .cap = {4, 4, 1, 1, 0}, .qp_type = IBV_QPT_UD};
    union ibv_gid group = {{0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xef, 1, 1, 1}};
    struct ibv_qp *const member = ibv_create_qp(pd, &attr);
    CODE_WITH(member, ibv_attach_mcast, member, &group, 0);
    CODE_WITH(member, ibv_detach_mcast, member, &group, 0);
    if (member) ibv_destroy_qp(member);
}

/* Work queues and what steers packets to them. */
static void use_packets(void) {
    struct ibv_wq_init_attr attr = {
        .wq_type = IBV_WQT_RQ, .max_wr = 4, .max_sge = 1, .pd = pd, .cq = cq};
    struct ibv_wq_attr change = {.attr_mask = IBV_WQ_ATTR_STATE, .wq_state = IBV_WQS_RDY};
    struct ibv_rwq_ind_table_init_attr table_attr;
    struct ibv_rwq_ind_table *table = NULL;
    struct ibv_wq *wq = NULL;
    memset(&table_attr, 0, sizeof table_attr);
    table_attr.ind_tbl = &wq;
    if (TAKE(wq, ibv_create_wq, context, &attr)) {
        struct ibv_recv_wr wr = {.next = NULL}, *bad = NULL;
        CODE(ibv_modify_wq, wq, &change);
        CODE(ibv_post_wq_recv, wq, &wr, &bad);
    }
    if (!wq)
        without("ibv_create_rwq_ind_table", "wq");
    else if (TAKE(table, ibv_create_rwq_ind_table, context, &table_attr))
        CODE(ibv_destroy_rwq_ind_table, table);
    if (wq) CODE(ibv_destroy_wq, wq);

    struct ibv_flow_attr flow_attr = {
        .type = IBV_FLOW_ATTR_NORMAL, .size = sizeof flow_attr, .port = PORT};
    struct ibv_flow *flow = NULL;
    struct ibv_flow_action_esp_attr esp;
    struct ibv_flow_action *action = NULL;
    struct ibv_counters_init_attr counters_attr = {.comp_mask = 0};
    struct ibv_counter_attach_attr attach = {.counter_desc = IBV_COUNTER_PACKETS};
    struct ibv_counters *counters = NULL;
    uint64_t counted[1] = {0};
    TAKE(flow, ibv_create_flow, peer, &flow_attr);
    memset(&esp, 0, sizeof esp);
    if (TAKE(action, ibv_create_flow_action_esp, context, &esp)) {
        CODE(ibv_modify_flow_action_esp, action, &esp);
        CODE(ibv_destroy_flow_action, action);
    }
    if (TAKE(counters, ibv_create_counters, context, &counters_attr)) {
        CODE_WITH(flow, ibv_attach_counters_point_flow, counters, &attach, flow);
        CODE(ibv_read_counters, counters, counted, 1, 0);
        CODE(ibv_destroy_counters, counters);
    }
    if (flow) CODE(ibv_destroy_flow, flow);
}

static void look_for_events(void) {
    struct ibv_async_event event;
    fcntl(context->async_fd, F_SETFL, O_NONBLOCK);
    if (CODE(ibv_get_async_event, context, &event)) VOID(ibv_ack_async_event, &event);
}

static void end(struct ibv_ah *ah) {
    CODE_WITH(ah, ibv_destroy_ah, ah);
    CODE_WITH(qp, ibv_destroy_qp, qp);
    CODE_WITH(peer, ibv_destroy_qp, peer);
    CODE_WITH(srq, ibv_destroy_srq, srq);
    if (polled) CODE(ibv_destroy_cq, ibv_cq_ex_to_cq(polled));
    CODE(ibv_destroy_cq, cq);
    CODE(ibv_destroy_comp_channel, channel);
    CODE(ibv_dereg_mr, mr);
    CODE(ibv_dealloc_pd, pd);
    CODE(ibv_close_device, context);
}

int main(int argc, char *argv[]) {
    setlinebuf(stdout);
    if (argc != 2 || !open_device(argv[1])) {
        fprintf(stderr, "usage: every_call DEVICE\n");
        return 2;
    }
    query_device();
    query_port();
    convert();
    use_domains();
    use_regions();
    use_device_memory();
    make_queues();
    use_xrc();
    use_tags();
    make_pairs();
    make_others();
    struct ibv_ah *const ah = address();
    if (qp && peer && polled && builder) {
        change_queue_pairs();
        build_requests();
        build_others(ah);
        post_plainly();
        bind_window();
        build_inline_requests();
    } else {
        without("the data path", "queue pair with a builder");
    }
    join_group();
    use_packets();
    look_for_events();
    end(ah);
    return 0;
}
