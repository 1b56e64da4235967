/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Devices: finding them, and what tells one from another before it is opened. Working with a device
 * starts with ibv_open_device in context.h.
 */
#ifndef INFINIBAND_VERBS_DEVICE_H
#define INFINIBAND_VERBS_DEVICE_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

enum ibv_node_type {
    IBV_NODE_UNKNOWN = -1,
    IBV_NODE_CA = 1, /* a channel adapter, RoCE ones included */
    IBV_NODE_SWITCH,
    IBV_NODE_ROUTER,
    IBV_NODE_RNIC, /* iWARP */
    IBV_NODE_USNIC,
    IBV_NODE_USNIC_UDP,
    IBV_NODE_UNSPECIFIED
};

enum ibv_transport_type {
    IBV_TRANSPORT_UNKNOWN = -1,
    IBV_TRANSPORT_IB = 0, /* also RoCE: the difference is the port's link layer */
    IBV_TRANSPORT_IWARP,
    IBV_TRANSPORT_USNIC,
    IBV_TRANSPORT_USNIC_UDP,
    IBV_TRANSPORT_UNSPECIFIED
};

/* Bits of ibv_device_attr.device_cap_flags. */
enum ibv_device_cap_flags {
    IBV_DEVICE_RESIZE_MAX_WR = 1 << 0,
    IBV_DEVICE_BAD_PKEY_CNTR = 1 << 1,
    IBV_DEVICE_BAD_QKEY_CNTR = 1 << 2,
    IBV_DEVICE_RAW_MULTI = 1 << 3,
    IBV_DEVICE_AUTO_PATH_MIG = 1 << 4,
    IBV_DEVICE_CHANGE_PHY_PORT = 1 << 5,
    IBV_DEVICE_UD_AV_PORT_ENFORCE = 1 << 6,
    IBV_DEVICE_CURR_QP_STATE_MOD = 1 << 7,
    IBV_DEVICE_SHUTDOWN_PORT = 1 << 8,
    IBV_DEVICE_INIT_TYPE = 1 << 9,
    IBV_DEVICE_PORT_ACTIVE_EVENT = 1 << 10,
    IBV_DEVICE_SYS_IMAGE_GUID = 1 << 11,
    IBV_DEVICE_RC_RNR_NAK_GEN = 1 << 12,
    IBV_DEVICE_SRQ_RESIZE = 1 << 13,
    IBV_DEVICE_N_NOTIFY_CQ = 1 << 14,
    IBV_DEVICE_MEM_WINDOW = 1 << 17,
    IBV_DEVICE_UD_IP_CSUM = 1 << 18,
    IBV_DEVICE_XRC = 1 << 20,
    IBV_DEVICE_MEM_MGT_EXTENSIONS = 1 << 21,
    IBV_DEVICE_MEM_WINDOW_TYPE_2A = 1 << 23,
    IBV_DEVICE_MEM_WINDOW_TYPE_2B = 1 << 24,
    IBV_DEVICE_RC_IP_CSUM = 1 << 25,
    IBV_DEVICE_RAW_IP_CSUM = 1 << 26,
    IBV_DEVICE_MANAGED_FLOW_STEERING = 1 << 29
};

/* With whom an atomic operation of this device is atomic. */
enum ibv_atomic_cap {
    IBV_ATOMIC_NONE, /* no atomic operations */
    IBV_ATOMIC_HCA,  /* with other operations of the same device */
    IBV_ATOMIC_GLOB  /* with the processors and other devices too */
};

/* Limits are upper bounds of the device; what can be had at a moment may be less. */
struct ibv_device_attr {
    char fw_ver[64];        /* NUL terminated */
    __be64 node_guid;       /* network byte order */
    __be64 sys_image_guid;  /* network byte order */
    uint64_t max_mr_size;   /* bytes */
    uint64_t page_size_cap; /* bit n: pages of 2^n bytes */
    uint32_t vendor_id;     /* IEEE company id */
    uint32_t vendor_part_id;
    uint32_t hw_ver;
    int max_qp;
    int max_qp_wr;                 /* work requests per queue */
    unsigned int device_cap_flags; /* enum ibv_device_cap_flags */
    int max_sge;                   /* per work request */
    int max_sge_rd;                /* per RDMA read */
    int max_cq;
    int max_cqe; /* entries per CQ */
    int max_mr;
    int max_pd;
    int max_qp_rd_atom; /* reads and atomics a QP may have incoming */
    int max_ee_rd_atom;
    int max_res_rd_atom;     /* the same for the whole device */
    int max_qp_init_rd_atom; /* reads and atomics a QP may have outgoing */
    int max_ee_init_rd_atom;
    enum ibv_atomic_cap atomic_cap;
    int max_ee;
    int max_rdd;
    int max_mw;
    int max_raw_ipv6_qp;
    int max_raw_ethy_qp;
    int max_mcast_grp;
    int max_mcast_qp_attach; /* QPs per group */
    int max_total_mcast_qp_attach;
    int max_ah;
    int max_fmr;
    int max_map_per_fmr;
    int max_srq;
    int max_srq_wr;
    int max_srq_sge;
    uint16_t max_pkeys;
    uint8_t local_ca_ack_delay; /* 4.096 us * 2^n */
    uint8_t phys_port_cnt;
};

/* Two slots that were between library and provider once; programs never call them. */
struct _ibv_device_ops {
    struct ibv_context *(*_dummy1)(struct ibv_device *device, int cmd_fd);
    void (*_dummy2)(struct ibv_context *context);
};

enum { IBV_SYSFS_NAME_MAX = 64, IBV_SYSFS_PATH_MAX = 256 };

/* Strings are NUL terminated, and empty where a device has no such thing in the kernel. */
struct ibv_device {
    struct _ibv_device_ops _ops;
    enum ibv_node_type node_type;
    enum ibv_transport_type transport_type;
    char name[IBV_SYSFS_NAME_MAX];       /* of the device, such as "mlx5_0" */
    char dev_name[IBV_SYSFS_NAME_MAX];   /* of its character device, such as "uverbs0" */
    char dev_path[IBV_SYSFS_PATH_MAX];   /* sysfs directory of the character device */
    char ibdev_path[IBV_SYSFS_PATH_MAX]; /* sysfs directory of the device */
};

/**
 * Lists the devices that can be opened now.
 *
 * Each call looks again. Pointers to the same device are equal across lists while any list or
 * context that names it is alive.
 *
 * @param num_devices  may be NULL; otherwise receives the number of devices, 0 included
 * Returns (pointer): an array that ends with NULL, to be given to ibv_free_device_list, or NULL
 * with errno set. To have no device is a success with an empty array; verbs_last_error tells why
 * it is empty, and which devices of the kernel are not in it or cannot be opened.
 * Errors: ENOMEM; EPERM the devices may not be looked at; ENOSYS no kernel support, and no provider
 * offers a device without it.
 * Source: libibverbs 1.0.
 */
VERBS_API struct ibv_device **ibv_get_device_list(int *num_devices);

/**
 * Gives back an array from ibv_get_device_list.
 *
 * Devices of the array that are not open cease to exist with it: open first, free then.
 *
 * @param list  the array; NULL does nothing
 * Returns (void).
 * Errors: none.
 * Source: libibverbs 1.0.
 */
VERBS_API void ibv_free_device_list(struct ibv_device **list);

/**
 * Names a device.
 *
 * @param device  from a list that has not been freed, or of an open context
 * Returns (pointer): a string that lives as long as the device, or NULL with errno set.
 * Errors: EINVAL device is NULL.
 * Source: libibverbs 1.0.
 */
VERBS_API const char *ibv_get_device_name(struct ibv_device *device);

/**
 * Reads the GUID of a device without opening it.
 *
 * @param device  from a list that has not been freed, or of an open context
 * Returns (value): the GUID in network byte order, 0 when it is not known.
 * Errors: none.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA (node GUID).
 */
VERBS_API __be64 ibv_get_device_guid(struct ibv_device *device);

/**
 * Reads the number by which the kernel knows a device, unique in a running system.
 *
 * @param device  from a list that has not been freed, or of an open context
 * Returns (count): the index, 0 or greater, or -1 when the device has none.
 * Errors: none; errno is left alone.
 * Source: RDMA netlink, RDMA_NLDEV_ATTR_DEV_INDEX.
 */
VERBS_API int ibv_get_device_index(struct ibv_device *device);

/**
 * Describes a node type.
 *
 * @param node_type  any number
 * Returns (value): a constant string, never NULL; "unknown" for a number without a meaning.
 * Errors: none.
 * Source: libibverbs 1.1.2.
 */
VERBS_API const char *ibv_node_type_str(enum ibv_node_type node_type);

#endif
