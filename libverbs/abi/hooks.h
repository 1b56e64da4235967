/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The private door through which compat_sonames and exp reach into libverbs, beside its public
 * header and verbs_table.hpp. Not installed. Exported at the node VERBS_PRIVATE; the version is
 * checked on every call, so that a shim of one release and a libverbs of another part with a reason
 * instead of a crash.
 */
#ifndef VERBS_ABI_HOOKS_H
#define VERBS_ABI_HOOKS_H

#include <infiniband/verbs.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VERBS_HOOKS_VERSION 1u

struct verbs_hooks_gid {
    union ibv_gid gid;
    uint32_t type;    /* 0 InfiniBand or RoCE v1 by link layer, 1 RoCE v1, 2 RoCE v2 */
    uint32_t ifindex; /* 0 none */
};

/* An entry of the GID tables of a device: struct verbs_provider_gid_entry. */
struct verbs_hooks_gid_entry {
    union ibv_gid gid;
    uint32_t index;
    uint32_t port_num;
    uint32_t type;    /* 0 InfiniBand, 1 RoCE v1, 2 RoCE v2 */
    uint32_t ifindex; /* 0 none */
};

/* The experimental half of the provider behind an open device (<verbs/provider_exp.h>). */
struct verbs_hooks_experimental {
    void *device;         /* first argument of its slots */
    const char *provider; /* its name */
    const void *ops;
    uint32_t ops_size;
    uint32_t contract;
};

struct verbs_hooks {
    uint32_t version;
    uint32_t size;

    /* As ibv_query_port, writing no more than `size` bytes. Returns 0 or an errno value. */
    int (*query_port)(struct ibv_context *context, uint8_t port_num, struct ibv_port_attr *attr,
                      size_t size);
    /* One GID table entry with its type and interface. Returns 0 or an errno value; ENODATA for
     * an entry inside the table that is empty. */
    int (*query_gid)(struct ibv_context *context, uint32_t port_num, uint32_t index,
                     struct verbs_hooks_gid *gid);
    /* Writes the text of verbs_last_error() for this thread and leaves errno alone. */
    void (*set_reason)(const char *text);
    /* Writes one line to the log. level as in enum verbs_host_log_level. */
    void (*log)(int level, const char *who, const char *text);

    /* Since 0.2.0. */

    /* Returns 0 or an errno value; EOPNOTSUPP for a provider without an experimental half. */
    int (*experimental)(struct ibv_context *context, struct verbs_hooks_experimental *half);
    /* Runs `call`, in which one slot of the device's provider is called, as the library runs the
     * stable ones: whatever comes out of it is an errno value with a reason. Returns that, or 0. */
    int (*call_provider)(struct ibv_context *context, const char *verb, int (*call)(void *closure),
                         void *closure);
    /* Sets what is the library's in an object that an experimental slot has made, so that the
     * stable verbs take it. Returns 0 or an errno value. */
    int (*adopt_cq)(struct ibv_context *context, struct ibv_cq *cq,
                    struct ibv_comp_channel *channel, void *cq_context);
    int (*adopt_qp)(struct ibv_context *context, struct ibv_qp *qp, struct ibv_pd *pd,
                    const struct ibv_qp_init_attr *attr);
    int (*adopt_srq)(struct ibv_context *context, struct ibv_srq *srq, struct ibv_pd *pd,
                     void *srq_context);
    /* As ibv_query_device_ex, for a caller that knows `size` bytes of *attr. */
    int (*query_device)(struct ibv_context *context, const struct ibv_query_device_ex_input *input,
                        struct ibv_device_attr_ex *attr, size_t size);
    /* The entries of all ports that are not empty, and how many. Returns 0 or an errno value:
     * EINVAL when `room` is too little, EOPNOTSUPP when the device tells entry after entry only. */
    int (*query_gid_table)(struct ibv_context *context, struct verbs_hooks_gid_entry *entries,
                           size_t room, size_t *count);
    /* Where packets for an address vector go on the Ethernet: writes the link address of the next
     * hop, and the VLAN of the way, or 0xffff; either may be NULL. The GRH counts whatever
     * is_global says. Returns 0 or an errno value. */
    int (*resolve_eth)(struct ibv_context *context, const struct ibv_ah_attr *attr,
                       uint8_t eth_mac[6], uint16_t *vid);
};

/* The table of the asked version, or NULL where this library has another. */
const struct verbs_hooks *verbs_private_hooks(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif
