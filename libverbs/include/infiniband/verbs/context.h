/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An open device. Every other object hangs below a context, and the data path goes through the
 * function table in it. The layout is frozen: programs have it compiled in.
 */
#ifndef INFINIBAND_VERBS_CONTEXT_H
#define INFINIBAND_VERBS_CONTEXT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/mw.h>
#include <infiniband/verbs/types.h>
#include <pthread.h>

struct _compat_ibv_port_attr; /* the 48 bytes that ibv_port_attr had when its slot was in use */

/*
 * Filled by the provider when the device is opened. Inline functions call poll_cq, req_notify_cq,
 * post_srq_recv, post_send and post_recv; programs built with other headers also call the memory
 * window slots and the two queries at the top. The slots without a type only keep the others in
 * their places.
 */
struct ibv_context_ops {
    int (*_compat_query_device)(struct ibv_context *context, struct ibv_device_attr *device_attr);
    int (*_compat_query_port)(struct ibv_context *context, uint8_t port_num,
                              struct _compat_ibv_port_attr *port_attr);
    void *(*_compat_alloc_pd)(void);
    void *(*_compat_dealloc_pd)(void);
    void *(*_compat_reg_mr)(void);
    void *(*_compat_rereg_mr)(void);
    void *(*_compat_dereg_mr)(void);
    struct ibv_mw *(*alloc_mw)(struct ibv_pd *pd, enum ibv_mw_type type);
    int (*bind_mw)(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *mw_bind);
    int (*dealloc_mw)(struct ibv_mw *mw);
    void *(*_compat_create_cq)(void);
    int (*poll_cq)(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc);
    int (*req_notify_cq)(struct ibv_cq *cq, int solicited_only);
    void *(*_compat_cq_event)(void);
    void *(*_compat_resize_cq)(void);
    void *(*_compat_destroy_cq)(void);
    void *(*_compat_create_srq)(void);
    void *(*_compat_modify_srq)(void);
    void *(*_compat_query_srq)(void);
    void *(*_compat_destroy_srq)(void);
    int (*post_srq_recv)(struct ibv_srq *srq, struct ibv_recv_wr *recv_wr,
                         struct ibv_recv_wr **bad_recv_wr);
    void *(*_compat_create_qp)(void);
    void *(*_compat_query_qp)(void);
    void *(*_compat_modify_qp)(void);
    void *(*_compat_destroy_qp)(void);
    int (*post_send)(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr);
    int (*post_recv)(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);
    void *(*_compat_create_ah)(void);
    void *(*_compat_destroy_ah)(void);
    void *(*_compat_attach_mcast)(void);
    void *(*_compat_detach_mcast)(void);
    void *(*_compat_async_event)(void);
};

struct ibv_context {
    struct ibv_device *device;
    struct ibv_context_ops ops;
    int cmd_fd;           /* the library's own */
    int async_fd;         /* readable when ibv_get_async_event has something; may be polled */
    int num_comp_vectors; /* bound of comp_vector in ibv_create_cq */
    pthread_mutex_t mutex;
    void *abi_compat; /* all bits set when a larger structure surrounds this one */
};

/**
 * Opens a device for use by this process.
 *
 * The device list it came from may be freed afterwards.
 *
 * @param device  from ibv_get_device_list
 * Returns (pointer): the context, or NULL with errno set.
 * Errors: ENODEV the device is gone; EACCES, EPERM no right to it; EMFILE; ENOMEM; EINVAL.
 * Source: IBTA volume 1, 11.2.1.1 Open HCA.
 */
VERBS_API struct ibv_context *ibv_open_device(struct ibv_device *device);

/**
 * Closes a device and gives back what the library holds for it.
 *
 * The objects made under the context have to be destroyed first; they are not destroyed by this
 * call, and using one afterwards is undefined.
 *
 * @param context  from ibv_open_device
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EINVAL; EBUSY objects are still alive and the provider cannot leave them behind.
 * Source: IBTA volume 1, 11.2.1.4 Close HCA.
 */
VERBS_API int ibv_close_device(struct ibv_context *context);

/**
 * Reads what a device is and what it can do at most.
 *
 * @param context      an open device
 * @param device_attr  filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EIO the device did not answer.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA.
 */
VERBS_API int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *device_attr);

#endif
