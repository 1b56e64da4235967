/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The provider contract: the binary interface between libverbs and a plugin that drives devices.
 *
 * A plugin is a shared object with one exported data symbol, `verbs_provider`, of the type below.
 * The library judges that table (rules L1..L7, named in every refusal) before it calls into it.
 * Plugins need not be rebuilt for a new release: tables only grow at their end, each table tells
 * how long it was when the plugin was built, and a slot that the plugin lacks is answered by the
 * library with EOPNOTSUPP. Authors in C++ do not fill this table: see <verbs/provider.hpp>.
 *
 * Return shape of every slot that returns int: 0, or a positive errno value. A slot that fails
 * leaves its out parameters alone and may call host->set_reason first. No exception may leave it.
 * Slots are called from any thread and at the same time; start and enumerate one at a time. A slot
 * does not call the public functions of the library.
 *
 * Rules of judgement:
 *   L1  the file is whole, can be opened and exports `verbs_provider`
 *   L2  magic is VERBS_PROVIDER_MAGIC
 *   L3  contract is between VERBS_PROVIDER_CONTRACT_OLDEST and VERBS_PROVIDER_CONTRACT
 *   L4  size and ops_size cover at least what that contract version had, and are credible
 *   L5  name is there and equals the manifest's
 *   L6  every required slot is filled
 *   L7  start() succeeds
 *   L8  the experimental half, if there is one, has a contract and a credible size; a plugin that
 *       breaks this rule only is used without that half
 */
#ifndef VERBS_PROVIDER_H
#define VERBS_PROVIDER_H

#include <infiniband/verbs.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VERBS_PROVIDER_MAGIC 0x565245424356524Full
#define VERBS_PROVIDER_CONTRACT 2u
#define VERBS_PROVIDER_CONTRACT_OLDEST 1u

enum verbs_host_log_level {
    VERBS_HOST_LOG_ERROR = 1,
    VERBS_HOST_LOG_WARN = 2,
    VERBS_HOST_LOG_INFO = 3,
    VERBS_HOST_LOG_DEBUG = 4,
};

/* What the library offers to a plugin. Lives as long as the process. Grows at its end. */
struct verbs_host {
    uint32_t size;     /* bytes of this table in the running library */
    uint32_t contract; /* newest contract version the running library knows */

    /* Nonzero when a line of this level would be written somewhere. Never blocks. */
    int (*log_wants)(int level);
    /* Writes one line (no newline needed) to the log, prefixed with the provider's name. */
    void (*log)(int level, const char *provider, const char *text);
    /* The text that verbs_last_error() gives to this thread if the current call fails. Copied. */
    void (*set_reason)(const char *text);
    /* The environment variable, or NULL when unset or when the process is privileged (setuid). */
    const char *(*environment)(const char *name);
    /* How many RDMA devices the kernel has that this process can reach, as of the last look for
     * devices; the one that enumerate is part of counts. Makes no system call then. */
    int (*kernel_device_count)(void);

    /*
     * End of an object's life. A plugin calls these between tearing the object down (no new event
     * can arise) and freeing its memory. They wait until the program has acknowledged every event
     * that it took for the object, as ibv_destroy_qp and its kin promise. The library does not
     * touch the object afterwards.
     */
    void (*retire_qp)(struct ibv_qp *qp);
    void (*retire_cq)(struct ibv_cq *cq);
    void (*retire_srq)(struct ibv_srq *srq);
};

/* A device as a plugin announces it (enumerate) or as the library found it in the kernel. */
struct verbs_provider_device {
    char name[IBV_SYSFS_NAME_MAX];       /* unique in the process, stable as long as it exists */
    char dev_name[IBV_SYSFS_NAME_MAX];   /* uverbsN, or what stands for it */
    char dev_path[IBV_SYSFS_PATH_MAX];   /* sysfs path of the uverbs device, "" without kernel */
    char ibdev_path[IBV_SYSFS_PATH_MAX]; /* sysfs path of the IB device, "" without kernel */
    uint64_t node_guid_be;               /* network byte order */
    uint64_t cookie;                     /* the plugin's own; handed back to open_device. Of a
                                            kernel device: not the one an earlier device had */
    int32_t node_type;                   /* enum ibv_node_type */
    int32_t transport_type;              /* enum ibv_transport_type */
    uint32_t kernel_driver_id;           /* enum rdma_driver_id; 0 without kernel device */
    int32_t index;                       /* RDMA netlink index; -1 unknown */
    uint32_t kernel_abi;  /* version of the driver's part of the uverbs ABI; 0 without */
    uint32_t reserved32;  /* zero */
    uint64_t node_number; /* dev_t of /dev/infiniband/<dev_name>; 0 without */
    uint64_t reserved[6]; /* zero */
};

/* One entry of a port's GID table, with what the plain query leaves out. */
struct verbs_provider_gid {
    union ibv_gid gid;
    uint32_t type;    /* 0 InfiniBand or RoCE v1 by link layer, 1 RoCE v1, 2 RoCE v2 */
    uint32_t ifindex; /* network interface, 0 none */
};

/* The same with its place: the layout is the kernel's (struct ib_uverbs_gid_entry). */
struct verbs_provider_gid_entry {
    union ibv_gid gid;
    uint32_t index;
    uint32_t port_num;
    uint32_t type;    /* 0 InfiniBand, 1 RoCE v1, 2 RoCE v2 */
    uint32_t ifindex; /* network interface, 0 none */
};

/*
 * The slots. `device` is what open_device gave. Objects are allocated by the plugin and begin with
 * the public struct (struct ibv_qp ...); the plugin sets handle, qp_num, lkey, rkey, cqe, fd; the
 * library sets everything else in the public part after the create slot has returned.
 *
 * Events: the plugin gives file descriptors. From a completion channel's fd the library reads
 * struct ib_uverbs_comp_event_desc with cq_handle = address of the struct ibv_cq; from the
 * context's async_fd struct ib_uverbs_async_event_desc with element = address of the object, or
 * the port number. That is what a kernel device gives, so one reader serves all. An event that
 * is read after its object was retired is dropped by the library; a plugin need not search for it.
 *
 * Data path: open_device fills poll_cq, req_notify_cq, post_send, post_recv and post_srq_recv of
 * context->ops. Programs call those directly, without the library in between.
 */
struct verbs_provider_ops {
    /* The provider as a whole. */
    int (*start)(const struct verbs_host *host); /* required; once, first */
    /* Optional: calls found(sink, device) for each device that the plugin itself brings. */
    int (*enumerate)(void (*found)(void *sink, const struct verbs_provider_device *device),
                     void *sink);

    /* Device. Required. open_device sets context->ops (data path), async_fd, cmd_fd,
     * num_comp_vectors and *device. close_device may refuse with EBUSY. */
    int (*open_device)(const struct verbs_provider_device *which, struct ibv_context *context,
                       void **device);
    int (*close_device)(void *device);
    int (*query_device)(void *device, struct ibv_device_attr *attr);
    int (*query_port)(void *device, uint8_t port_num, struct ibv_port_attr *attr, size_t size);

    /* Tables. Optional. query_gid answers ENODATA for an entry of the table that is empty. */
    int (*query_gid)(void *device, uint8_t port_num, int index, struct verbs_provider_gid *gid);
    int (*query_pkey)(void *device, uint8_t port_num, int index, uint16_t *pkey_be);

    /* Protection domains and memory. alloc_pd, dealloc_pd, reg_mr, dereg_mr are required. An access
     * flag in IBV_ACCESS_OPTIONAL_RANGE that the plugin does not know is a wish, and is ignored. */
    int (*alloc_pd)(void *device, struct ibv_pd **pd);
    int (*dealloc_pd)(void *device, struct ibv_pd *pd);
    int (*reg_mr)(void *device, struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                  int access, struct ibv_mr **mr);
    int (*rereg_mr)(void *device, struct ibv_mr *mr, int flags, struct ibv_pd *pd, void *addr,
                    size_t length, int access);
    int (*dereg_mr)(void *device, struct ibv_mr *mr);
    int (*alloc_mw)(void *device, struct ibv_pd *pd, int type, struct ibv_mw **mw);
    int (*bind_mw)(void *device, struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind);
    int (*dealloc_mw)(void *device, struct ibv_mw *mw);

    /* Completion. create_cq, destroy_cq are required. */
    int (*create_comp_channel)(void *device, struct ibv_comp_channel **channel);
    int (*destroy_comp_channel)(void *device, struct ibv_comp_channel *channel);
    int (*create_cq)(void *device, int cqe, struct ibv_comp_channel *channel, int comp_vector,
                     struct ibv_cq **cq);
    int (*resize_cq)(void *device, struct ibv_cq *cq, int cqe);
    int (*destroy_cq)(void *device, struct ibv_cq *cq);
    void (*cq_event)(struct ibv_cq *cq); /* an event of cq was taken by the program */

    /* Shared receive queues. Optional. */
    int (*create_srq)(void *device, struct ibv_pd *pd, struct ibv_srq_init_attr *attr,
                      struct ibv_srq **srq);
    int (*modify_srq)(void *device, struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask);
    int (*query_srq)(void *device, struct ibv_srq *srq, struct ibv_srq_attr *attr);
    int (*destroy_srq)(void *device, struct ibv_srq *srq);

    /* Queue pairs. create_qp, modify_qp, destroy_qp are required. create_qp writes the capacities
     * that it grants into attr->cap. */
    int (*create_qp)(void *device, struct ibv_pd *pd, struct ibv_qp_init_attr *attr,
                     struct ibv_qp **qp);
    int (*modify_qp)(void *device, struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
    int (*query_qp)(void *device, struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
                    struct ibv_qp_init_attr *init_attr);
    int (*destroy_qp)(void *device, struct ibv_qp *qp);

    /* Address handles and multicast. Optional. */
    int (*create_ah)(void *device, struct ibv_pd *pd, struct ibv_ah_attr *attr, struct ibv_ah **ah);
    int (*destroy_ah)(void *device, struct ibv_ah *ah);
    int (*attach_mcast)(void *device, struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);
    int (*detach_mcast)(void *device, struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);

    /* Since contract 2. Optional. */

    /* Fills `size` bytes of *attr, which the library has cleared; orig_attr included. Where it is
     * empty, the answer is that of query_device and the number of ports. */
    int (*query_device_ex)(void *device, const struct ibv_query_device_ex_input *input,
                           struct ibv_device_attr_ex *attr, size_t size);

    /* Writes the entries of all GID tables that are not empty, and how many. EINVAL when `room` is
     * too little. Without this slot, or with EOPNOTSUPP, the tables are read by query_gid. */
    int (*query_gid_table)(void *device, struct verbs_provider_gid_entry *entries, size_t room,
                           size_t *count);
};

/* The table that a plugin exports under the name `verbs_provider`. */
struct verbs_provider {
    uint64_t magic;    /* VERBS_PROVIDER_MAGIC */
    uint32_t contract; /* VERBS_PROVIDER_CONTRACT of the header it was built with */
    uint32_t size;     /* sizeof(struct verbs_provider) there */
    const char *name;  /* as in the manifest */
    const struct verbs_provider_ops *ops;
    uint32_t ops_size; /* sizeof(struct verbs_provider_ops) there */

    /* Experimental slots: their own version, no promise. NULL without. */
    uint32_t exp_contract;
    const void *exp_ops;
    uint32_t exp_ops_size;
    uint32_t reserved; /* zero */
};

#ifdef __cplusplus
}
#endif

#endif
