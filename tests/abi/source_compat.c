/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program in the manner of those that exist: it uses every stable call, structure and the usual
 * constants, and relies on nothing but infiniband/verbs.h. check_source_compat.py compiles it, as C
 * and as C++, against our header and against the reference. It is compiled and never run.
 */
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>

struct endpoint {
    struct ibv_context *context;
    struct ibv_comp_channel *channel;
    struct ibv_pd *pd;
    struct ibv_mr *mr;
    struct ibv_mw *mw;
    struct ibv_cq *cq;
    struct ibv_srq *srq;
    struct ibv_qp *qp;
    struct ibv_ah *ah;
    struct ibv_port_attr port;
    union ibv_gid gid;
    char *buffer;
    size_t size;
};

static int find_device(struct endpoint *end, const char *wanted) {
    int count = 0;
    struct ibv_device **list = ibv_get_device_list(&count);
    if (!list) {
        perror("ibv_get_device_list");
        return errno;
    }
    for (int i = 0; i < count; ++i) {
        struct ibv_device *device = list[i];
        printf("%s %016llx index %d type %s transport %d %s %s %s %s\n",
               ibv_get_device_name(device), (unsigned long long)ibv_get_device_guid(device),
               ibv_get_device_index(device), ibv_node_type_str(device->node_type),
               (int)device->transport_type, device->name, device->dev_name, device->dev_path,
               device->ibdev_path);
        if (!strcmp(ibv_get_device_name(device), wanted)) end->context = ibv_open_device(device);
    }
    ibv_free_device_list(list);
    return end->context ? 0 : ENODEV;
}

static void print_rss(const struct ibv_rss_caps *rss) {
    if (rss->rx_hash_function & IBV_RX_HASH_FUNC_TOEPLITZ &&
        rss->rx_hash_fields_mask & IBV_RX_HASH_INNER)
        printf("%u tables of %u\n", rss->max_rwq_indirection_tables,
               rss->max_rwq_indirection_table_size);
}

static int query_abilities(struct endpoint *end) {
    struct ibv_query_device_ex_input input;
    struct ibv_device_attr_ex attr;
    memset(&input, 0, sizeof input);
    if (ibv_query_device_ex(end->context, &input, &attr) ||
        ibv_query_device_ex(end->context, NULL, &attr))
        return EIO;
    const struct ibv_odp_caps *odp = &attr.odp_caps;
    const struct ibv_tso_caps *tso = &attr.tso_caps;
    const struct ibv_packet_pacing_caps *pacing = &attr.packet_pacing_caps;
    const struct ibv_tm_caps *tm = &attr.tm_caps;
    const struct ibv_cq_moderation_caps *moderation = &attr.cq_mod_caps;
    const struct ibv_pci_atomic_caps *atomic = &attr.pci_atomic_caps;
    if (odp->general_caps & IBV_ODP_SUPPORT_IMPLICIT &&
        odp->per_transport_caps.rc_odp_caps & IBV_ODP_SUPPORT_WRITE)
        printf("pages on demand\n");
    if (ibv_is_qpt_supported(tso->supported_qpts, IBV_QPT_RAW_PACKET))
        printf("segments up to %u, %u kbit/s\n", tso->max_tso, pacing->qp_rate_limit_max);
    if (attr.raw_packet_caps & IBV_RAW_PACKET_CAP_CVLAN_STRIPPING ||
        attr.device_cap_flags_ex & IBV_DEVICE_RAW_SCATTER_FCS ||
        attr.device_cap_flags_ex & IBV_DEVICE_PCI_WRITE_END_PADDING)
        printf("raw packets, %d QPs\n", attr.orig_attr.max_qp);
    printf("%u tags, %u events, %d\n", tm->flags & IBV_TM_CAP_RC ? tm->max_num_tags : 0,
           moderation->max_cq_count, atomic->fetch_add & IBV_PCI_ATOMIC_OPERATION_8_BYTE_SIZE_SUP);
    print_rss(&attr.rss_caps);
    return attr.hca_core_clock ? 0 : ENOTSUP;
}

static int query_everything(struct endpoint *end) {
    struct ibv_device_attr device;
    __be16 pkey;
    int rc = ibv_query_device(end->context, &device);
    if (rc) return rc;
    if (device.device_cap_flags & IBV_DEVICE_MEM_WINDOW || device.atomic_cap == IBV_ATOMIC_NONE)
        printf("%s: %d ports, %d CQ entries\n", device.fw_ver, device.phys_port_cnt,
               device.max_cqe);
    rc = ibv_query_port(end->context, 1, &end->port);
    if (rc) return rc;
    printf("port %s mtu %d link %d\n", ibv_port_state_str(end->port.state),
           128 << end->port.active_mtu, end->port.link_layer == IBV_LINK_LAYER_ETHERNET);
    if (end->port.port_cap_flags & IBV_PORT_IP_BASED_GIDS || end->port.flags & IBV_QPF_GRH_REQUIRED)
        printf("needs a GRH\n");
    if (ibv_query_gid(end->context, 1, 0, &end->gid) || ibv_query_pkey(end->context, 1, 0, &pkey))
        return errno;
    printf("gid %02x %llx, pkey index %d\n", end->gid.raw[15],
           (unsigned long long)end->gid.global.interface_id,
           ibv_get_pkey_index(end->context, 1, pkey));
    return 0;
}

static int create_objects(struct endpoint *end) {
    const int access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    int optional = access | IBV_ACCESS_RELAXED_ORDERING;
    struct ibv_srq_init_attr srq_init;
    struct ibv_srq_attr srq_attr;
    struct ibv_qp_init_attr init;

    if (ibv_is_fork_initialized() == IBV_FORK_DISABLED && ibv_fork_init()) return errno;
    end->pd = ibv_alloc_pd(end->context);
    end->buffer = (char *)malloc(end->size);
    end->mr = ibv_reg_mr(end->pd, end->buffer, end->size, access);
    if (!end->mr) end->mr = ibv_reg_mr(end->pd, end->buffer, end->size, optional);
    if (!end->mr) end->mr = ibv_reg_mr_iova(end->pd, end->buffer, end->size, 0, access);
    if (ibv_rereg_mr(end->mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0, access) ==
        IBV_REREG_MR_ERR_INPUT)
        return EINVAL;
    end->mw = ibv_alloc_mw(end->pd, IBV_MW_TYPE_1);
    end->channel = ibv_create_comp_channel(end->context);
    end->cq =
        ibv_create_cq(end->context, 16, end, end->channel, end->context->num_comp_vectors - 1);
    if (ibv_resize_cq(end->cq, 2 * end->cq->cqe)) return EINVAL;

    memset(&srq_init, 0, sizeof srq_init);
    srq_init.attr.max_wr = 16;
    srq_init.attr.max_sge = 1;
    end->srq = ibv_create_srq(end->pd, &srq_init);
    srq_attr.srq_limit = 4;
    if (ibv_modify_srq(end->srq, &srq_attr, IBV_SRQ_LIMIT) || ibv_query_srq(end->srq, &srq_attr))
        return EINVAL;

    memset(&init, 0, sizeof init);
    init.send_cq = end->cq;
    init.recv_cq = end->cq;
    init.srq = end->srq;
    init.qp_type = IBV_QPT_RC;
    init.cap.max_send_wr = 16;
    init.cap.max_send_sge = 1;
    end->qp = ibv_create_qp(end->pd, &init);
    return end->qp ? 0 : errno;
}

static int connect_to(struct endpoint *end, uint32_t qpn, uint32_t psn, const union ibv_gid *dgid) {
    struct ibv_qp_attr attr;
    struct ibv_qp_init_attr init;
    struct ibv_qp_cap *cap = &init.cap;
    struct ibv_global_route *route = &attr.ah_attr.grh;
    memset(&attr, 0, sizeof attr);
    attr.qp_state = IBV_QPS_INIT;
    attr.port_num = 1;
    attr.qp_access_flags = IBV_ACCESS_REMOTE_WRITE;
    if (ibv_modify_qp(end->qp, &attr,
                      IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
        return errno;
    attr.qp_state = IBV_QPS_RTR;
    attr.path_mtu = IBV_MTU_1024;
    attr.dest_qp_num = qpn;
    attr.rq_psn = psn;
    attr.max_dest_rd_atomic = 1;
    attr.min_rnr_timer = 12;
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.static_rate = IBV_RATE_MAX;
    route->dgid = *dgid;
    route->hop_limit = 64;
    if (ibv_modify_qp(end->qp, &attr,
                      IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                          IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
        return errno;
    attr.qp_state = IBV_QPS_RTS;
    attr.timeout = 14;
    attr.retry_cnt = 7;
    attr.rnr_retry = 7;
    if (ibv_modify_qp(end->qp, &attr,
                      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
                          IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC))
        return errno;
    if (ibv_query_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_CAP, &init)) return errno;
    return attr.qp_state == IBV_QPS_RTS && cap->max_send_wr ? 0 : EPROTO;
}

static int post_work(struct endpoint *end, uint64_t remote_addr, uint32_t rkey) {
    struct ibv_sge sge;
    struct ibv_recv_wr receive, *bad_receive;
    struct ibv_send_wr send, *bad_send;
    struct ibv_mw_bind bind;
    sge.addr = (uintptr_t)end->buffer;
    sge.length = (uint32_t)end->size;
    sge.lkey = end->mr->lkey;

    memset(&receive, 0, sizeof receive);
    receive.wr_id = 1;
    receive.sg_list = &sge;
    receive.num_sge = 1;
    if (ibv_post_srq_recv(end->srq, &receive, &bad_receive) ||
        ibv_post_recv(end->qp, &receive, &bad_receive))
        return ENOMEM;

    memset(&send, 0, sizeof send);
    send.wr_id = 2;
    send.sg_list = &sge;
    send.num_sge = 1;
    send.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
    send.send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE;
    send.imm_data = 0;
    send.wr.rdma.remote_addr = remote_addr;
    send.wr.rdma.rkey = rkey;
    if (ibv_post_send(end->qp, &send, &bad_send)) return ENOMEM;
    send.opcode = IBV_WR_ATOMIC_CMP_AND_SWP;
    send.wr.atomic.compare_add = 1;
    send.wr.atomic.swap = 2;
    if (ibv_post_send(end->qp, &send, &bad_send)) return ENOMEM;
    send.opcode = IBV_WR_SEND;
    send.wr.ud.ah = end->ah;
    send.wr.ud.remote_qpn = 1;
    send.wr.ud.remote_qkey = 0x11111111;
    if (ibv_post_send(end->qp, &send, &bad_send)) return ENOMEM;

    memset(&bind, 0, sizeof bind);
    struct ibv_mw_bind_info *info = &bind.bind_info;
    info->mr = end->mr;
    info->addr = (uintptr_t)end->buffer;
    info->length = end->size;
    info->mw_access_flags = IBV_ACCESS_REMOTE_READ;
    end->mw->rkey = ibv_inc_rkey(end->mw->rkey);
    return ibv_bind_mw(end->qp, end->mw, &bind);
}

static int wait_for_work(struct endpoint *end) {
    struct ibv_wc wc[4];
    struct ibv_cq *cq;
    void *cq_context;
    if (ibv_req_notify_cq(end->cq, 0) || ibv_get_cq_event(end->channel, &cq, &cq_context))
        return errno;
    ibv_ack_cq_events(cq, 1);
    const int count = ibv_poll_cq(cq, 4, wc);
    for (int i = 0; i < count; ++i) {
        if (wc[i].status != IBV_WC_SUCCESS) {
            fprintf(stderr, "%llu: %s, vendor %x\n", (unsigned long long)wc[i].wr_id,
                    ibv_wc_status_str(wc[i].status), wc[i].vendor_err);
            return EIO;
        }
        if (wc[i].opcode & IBV_WC_RECV && wc[i].wc_flags & IBV_WC_WITH_IMM)
            printf("%u bytes, %x\n", wc[i].byte_len, wc[i].imm_data);
    }
    return count < 0 ? EIO : 0;
}

static int answer_datagram(struct endpoint *end, struct ibv_wc *wc) {
    struct ibv_grh *grh = (struct ibv_grh *)end->buffer;
    struct ibv_ah_attr attr;
    if (ibv_init_ah_from_wc(end->context, 1, wc, grh, &attr)) return errno;
    end->ah = ibv_create_ah(end->pd, &attr);
    if (!end->ah) end->ah = ibv_create_ah_from_wc(end->pd, wc, grh, 1);
    printf("source port %u\n", ibv_flow_label_to_udp_sport(attr.grh.flow_label));
    return ibv_attach_mcast(end->qp, &end->gid, 0) || ibv_detach_mcast(end->qp, &end->gid, 0);
}

static int watch_events(struct endpoint *end) {
    struct ibv_async_event event;
    if (ibv_get_async_event(end->context, &event)) return errno;
    printf("%s\n", ibv_event_type_str(event.event_type));
    switch (event.event_type) {
    case IBV_EVENT_QP_FATAL:
    case IBV_EVENT_QP_LAST_WQE_REACHED:
        printf("qp %u\n", event.element.qp->qp_num);
        break;
    case IBV_EVENT_CQ_ERR:
        printf("cq %d\n", event.element.cq->cqe);
        break;
    case IBV_EVENT_SRQ_LIMIT_REACHED:
        printf("srq %u\n", event.element.srq->handle);
        break;
    default:
        printf("port %d\n", event.element.port_num);
        break;
    }
    ibv_ack_async_event(&event);
    return 0;
}

static int destroy_objects(struct endpoint *end) {
    int failures = 0;
    failures += ibv_destroy_ah(end->ah) != 0;
    failures += ibv_destroy_qp(end->qp) != 0;
    failures += ibv_destroy_srq(end->srq) != 0;
    failures += ibv_destroy_cq(end->cq) != 0;
    failures += ibv_destroy_comp_channel(end->channel) != 0;
    failures += ibv_dealloc_mw(end->mw) != 0;
    failures += ibv_dereg_mr(end->mr) != 0;
    failures += ibv_dealloc_pd(end->pd) != 0;
    failures += ibv_close_device(end->context) == -1;
    free(end->buffer);
    return failures;
}

static int convert_rates(void) {
    const enum ibv_rate rate = mult_to_ibv_rate(ibv_rate_to_mult(IBV_RATE_10_GBPS));
    return mbps_to_ibv_rate(ibv_rate_to_mbps(rate)) == IBV_RATE_10_GBPS ? 0 : EINVAL;
}

/* Interposers and simulators fill the function table themselves. */
static struct ibv_context_ops replaced_table(struct ibv_context *context) {
    struct ibv_context_ops ops = context->ops;
    ops.post_send = NULL;
    return ops;
}

int main(int argc, char *argv[]) {
    struct endpoint end;
    struct ibv_wc wc;
    memset(&end, 0, sizeof end);
    memset(&wc, 0, sizeof wc);
    end.size = 4096;
    if (find_device(&end, argc > 1 ? argv[1] : "") || query_everything(&end) ||
        query_abilities(&end) || create_objects(&end) || connect_to(&end, 1, 0, &end.gid))
        return EXIT_FAILURE;
    if (post_work(&end, 0, 0) || wait_for_work(&end) || answer_datagram(&end, &wc) ||
        watch_events(&end) || convert_rates())
        return EXIT_FAILURE;
    return replaced_table(end.context).post_send ? EXIT_FAILURE : destroy_objects(&end);
}
