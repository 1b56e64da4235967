/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flow rules: which packets of a port a queue pair is to receive. What a rule looks at is in
 * flow_spec.h, what it may do to a packet in flow_action.h.
 */
#ifndef INFINIBAND_VERBS_EXP_FLOW_H
#define INFINIBAND_VERBS_EXP_FLOW_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

enum ibv_flow_flags {
    IBV_FLOW_ATTR_FLAGS_DONT_TRAP = 1 << 1, /* rules of lower priority see the packet as well */
    IBV_FLOW_ATTR_FLAGS_EGRESS = 1 << 2     /* for packets that go out; the QP names the device */
};

enum ibv_flow_attr_type {
    IBV_FLOW_ATTR_NORMAL = 0x0,      /* what the specifications say */
    IBV_FLOW_ATTR_ALL_DEFAULT = 0x1, /* Ethernet packets that no other rule takes */
    IBV_FLOW_ATTR_MC_DEFAULT = 0x2,  /* of these the multicast ones */
    IBV_FLOW_ATTR_SNIFFER = 0x3      /* a copy of every packet of the port */
};

/*
 * The head of a rule. num_of_specs structures of flow_spec.h lie behind it in memory, without gaps:
 * programs make a packed structure of them all.
 */
struct ibv_flow_attr {
    uint32_t comp_mask; /* 0 */
    enum ibv_flow_attr_type type;
    uint16_t size;     /* bytes, the specifications included */
    uint16_t priority; /* 0 is looked at first */
    uint8_t num_of_specs;
    uint8_t port;   /* counted from 1 */
    uint32_t flags; /* enum ibv_flow_flags */
};

struct ibv_flow {
    uint32_t comp_mask;
    struct ibv_context *context;
    uint32_t handle;
};

#ifdef VERBS_HAVE_FLOW
/**
 * Makes a rule that steers packets to a queue pair.
 *
 * @param qp    who receives them: of the type IBV_QPT_RAW_PACKET or IBV_QPT_UD
 * @param flow  the rule, not kept after the call
 * Returns (pointer): the rule, or NULL with errno set.
 * Errors: EINVAL a specification, the size or the priority does not fit; EPERM the process lacks
 * the right; EOPNOTSUPP the device cannot steer, or not by that; ENOMEM no room for more rules.
 * Source: libibverbs 1.1.8.
 */
VERBS_API struct ibv_flow *ibv_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *flow);

/**
 * Ends a rule.
 *
 * @param flow_id  the rule
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EOPNOTSUPP.
 * Source: libibverbs 1.1.8.
 */
VERBS_API int ibv_destroy_flow(struct ibv_flow *flow_id);
#endif

#endif
