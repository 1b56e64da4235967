/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A program in the manner of those that exist, for the experimental calls and structures of flow
 * rules, counters and work queues; see source_compat_exp.c. It is compiled and never run.
 */
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>

struct receiver {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    struct ibv_qp *qp;
    struct ibv_wq *queues[2];
    struct ibv_rwq_ind_table *table;
    struct ibv_counters *counters;
    struct ibv_flow_action *decrypt;
    struct ibv_flow *flow;
};

static int create_queues(struct receiver *it) {
    struct ibv_wq_init_attr init;
    struct ibv_wq_attr attr;
    struct ibv_rwq_ind_table_init_attr table;
    memset(&init, 0, sizeof init);
    init.wq_type = IBV_WQT_RQ;
    init.max_wr = 16;
    init.max_sge = 1;
    init.pd = it->pd;
    init.cq = it->cq;
    init.comp_mask = IBV_WQ_INIT_ATTR_FLAGS;
    init.create_flags = IBV_WQ_FLAGS_CVLAN_STRIPPING;
    memset(&attr, 0, sizeof attr);
    attr.attr_mask = IBV_WQ_ATTR_STATE;
    attr.wq_state = IBV_WQS_RDY;
    for (int i = 0; i < 2; ++i) {
        it->queues[i] = ibv_create_wq(it->context, &init);
        if (!it->queues[i] || ibv_modify_wq(it->queues[i], &attr)) return EIO;
    }
    memset(&table, 0, sizeof table);
    table.log_ind_tbl_size = 1;
    table.ind_tbl = it->queues;
    it->table = ibv_create_rwq_ind_table(it->context, &table);
    return it->table ? 0 : errno;
}

static int create_qp(struct receiver *it) {
    static uint8_t key[40];
    struct ibv_qp_init_attr_ex init;
    struct ibv_rx_hash_conf *hash = &init.rx_hash_conf;
    memset(&init, 0, sizeof init);
    init.qp_type = IBV_QPT_RAW_PACKET;
    init.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_IND_TABLE | IBV_QP_INIT_ATTR_RX_HASH;
    init.pd = it->pd;
    init.rwq_ind_tbl = it->table;
    hash->rx_hash_function = IBV_RX_HASH_FUNC_TOEPLITZ;
    hash->rx_hash_key_len = sizeof key;
    hash->rx_hash_key = key;
    hash->rx_hash_fields_mask = IBV_RX_HASH_SRC_IPV4 | IBV_RX_HASH_DST_IPV4;
    it->qp = ibv_create_qp_ex(it->context, &init);
    return it->qp ? 0 : errno;
}

static int post_buffer(struct receiver *it) {
    struct ibv_recv_wr receive, *bad;
    memset(&receive, 0, sizeof receive);
    return ibv_post_wq_recv(it->queues[0], &receive, &bad);
}

static int create_counters(struct receiver *it) {
    struct ibv_counters_init_attr init;
    struct ibv_counter_attach_attr attach;
    memset(&init, 0, sizeof init);
    it->counters = ibv_create_counters(it->context, &init);
    if (!it->counters) return errno;
    memset(&attach, 0, sizeof attach);
    attach.counter_desc = IBV_COUNTER_BYTES;
    attach.index = 0;
    return ibv_attach_counters_point_flow(it->counters, &attach, NULL);
}

static int create_action(struct receiver *it) {
    struct ibv_flow_action_esp esp;
    struct ibv_flow_action_esp_keymat_aes_gcm key;
    struct ibv_flow_action_esp_replay_bmp replay;
    struct ibv_flow_action_esp_encap outer;
    struct ibv_flow_action_esp_attr attr;
    struct ibv_flow_ipv4_filter tunnel;
    memset(&esp, 0, sizeof esp);
    memset(&key, 0, sizeof key);
    memset(&replay, 0, sizeof replay);
    memset(&outer, 0, sizeof outer);
    memset(&attr, 0, sizeof attr);
    memset(&tunnel, 0, sizeof tunnel);
    esp.spi = 1;
    esp.flags = IBV_FLOW_ACTION_ESP_FLAGS_FULL_OFFLOAD | IBV_FLOW_ACTION_ESP_FLAGS_TUNNEL |
                IBV_FLOW_ACTION_ESP_FLAGS_DECRYPT;
    key.iv_algo = IBV_FLOW_ACTION_IV_ALGO_SEQ;
    key.key_len = sizeof key.aes_key;
    replay.size = 64;
    outer.val_ptr = &tunnel;
    outer.len = sizeof tunnel;
    outer.type = IBV_FLOW_SPEC_IPV4;
    attr.esp_attr = &esp;
    attr.keymat_proto = IBV_FLOW_ACTION_ESP_KEYMAT_AES_GCM;
    attr.keymat_ptr = &key;
    attr.keymat_len = sizeof key;
    attr.replay_proto = IBV_FLOW_ACTION_ESP_REPLAY_BMP;
    attr.replay_ptr = &replay;
    attr.replay_len = sizeof replay;
    attr.esp_encap = &outer;
    attr.comp_mask = IBV_FLOW_ACTION_ESP_MASK_ESN;
    it->decrypt = ibv_create_flow_action_esp(it->context, &attr);
    return it->decrypt ? ibv_modify_flow_action_esp(it->decrypt, &attr) : errno;
}

/* A rule is one packed structure: the head, and the specifications behind it. */
struct rule {
    struct ibv_flow_attr attr;
    struct ibv_flow_spec_eth eth;
    struct ibv_flow_spec_ipv4 ip;
    struct ibv_flow_spec_tcp_udp tcp;
    struct ibv_flow_spec_action_tag tag;
    struct ibv_flow_spec_action_handle action;
    struct ibv_flow_spec_counter_action count;
} __attribute__((packed));

static int create_flow(struct receiver *it) {
    const struct ibv_flow_eth_filter nobody = {{0}, {0}, 0, 0};
    const struct ibv_flow_tcp_udp_filter port = {80, 0};
    struct rule rule;
    memset(&rule, 0, sizeof rule);
    rule.attr.type = IBV_FLOW_ATTR_NORMAL;
    rule.attr.size = sizeof rule;
    rule.attr.num_of_specs = 6;
    rule.attr.port = 1;
    rule.attr.flags = IBV_FLOW_ATTR_FLAGS_DONT_TRAP;
    rule.eth.type = IBV_FLOW_SPEC_ETH;
    rule.eth.size = sizeof rule.eth;
    rule.eth.val = nobody;
    rule.ip.type = IBV_FLOW_SPEC_IPV4;
    rule.ip.size = sizeof rule.ip;
    rule.ip.mask.dst_ip = UINT32_MAX;
    rule.tcp.type = IBV_FLOW_SPEC_TCP;
    rule.tcp.size = sizeof rule.tcp;
    rule.tcp.val = port;
    rule.tag.type = IBV_FLOW_SPEC_ACTION_TAG;
    rule.tag.size = sizeof rule.tag;
    rule.tag.tag_id = 7;
    rule.action.type = IBV_FLOW_SPEC_ACTION_HANDLE;
    rule.action.size = sizeof rule.action;
    rule.action.action = it->decrypt;
    rule.count.type = IBV_FLOW_SPEC_ACTION_COUNT;
    rule.count.size = sizeof rule.count;
    rule.count.counters = it->counters;
    void *memory = &rule;
    it->flow = ibv_create_flow(it->qp, (struct ibv_flow_attr *)memory);
    return it->flow ? 0 : errno;
}

/* The specifications that the rule above does not have, through the union. */
static unsigned int sizes_of_others(void) {
    struct ibv_flow_spec any;
    struct ibv_flow_spec_ipv4_ext *ip = &any.ipv4_ext;
    struct ibv_flow_spec_ipv6 *ip6 = &any.ipv6;
    struct ibv_flow_spec_esp *esp = &any.esp;
    struct ibv_flow_spec_gre *gre = &any.gre;
    struct ibv_flow_spec_mpls *mpls = &any.mpls;
    struct ibv_flow_spec_tunnel *tunnel = &any.tunnel;
    struct ibv_flow_spec_action_drop *drop = &any.drop;
    const struct ibv_flow_ipv4_ext_filter ip_mask = {0, 0, UINT8_MAX, 0, 0, 0};
    const struct ibv_flow_ipv6_filter ip6_mask = {{0}, {0}, 0, UINT8_MAX, 0, 0};
    const struct ibv_flow_esp_filter esp_mask = {UINT32_MAX, 0};
    const struct ibv_flow_gre_filter gre_mask = {0, UINT16_MAX, 0};
    const struct ibv_flow_mpls_filter mpls_mask = {UINT32_MAX};
    const struct ibv_flow_tunnel_filter tunnel_mask = {UINT32_MAX};
    memset(&any, 0, sizeof any);
    ip->mask = ip_mask;
    ip6->mask = ip6_mask;
    esp->mask = esp_mask;
    gre->mask = gre_mask;
    mpls->mask = mpls_mask;
    tunnel->mask = tunnel_mask;
    drop->type = IBV_FLOW_SPEC_ACTION_DROP;
    any.hdr.size = sizeof *drop;
    return any.hdr.size;
}

static int read_counters(struct receiver *it) {
    uint64_t bytes = 0;
    const int rc = ibv_read_counters(it->counters, &bytes, 1, IBV_READ_COUNTERS_ATTR_PREFER_CACHED);
    printf("%llu bytes\n", (unsigned long long)bytes);
    return rc;
}

static int destroy_objects(struct receiver *it) {
    int failures = ibv_destroy_flow(it->flow) != 0;
    failures += ibv_destroy_flow_action(it->decrypt) != 0;
    failures += ibv_destroy_counters(it->counters) != 0;
    failures += ibv_destroy_qp(it->qp) != 0;
    failures += ibv_destroy_rwq_ind_table(it->table) != 0;
    failures += ibv_destroy_wq(it->queues[0]) != 0;
    failures += ibv_destroy_wq(it->queues[1]) != 0;
    return failures;
}

int main(void) {
    struct receiver it;
    memset(&it, 0, sizeof it);
    if (create_queues(&it) || create_qp(&it) || post_buffer(&it) || create_counters(&it) ||
        create_action(&it) || create_flow(&it) || !sizes_of_others() || read_counters(&it))
        return EXIT_FAILURE;
    return destroy_objects(&it);
}
