/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The extended reliable connection: processes of one machine share their receiving QPs through a
 * domain, and a sender names the receive queue (srq.h) by number.
 */
#ifndef INFINIBAND_VERBS_EXP_XRC_H
#define INFINIBAND_VERBS_EXP_XRC_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/qp.h>
#include <infiniband/verbs_exp/types.h>

/* Which members of ibv_xrcd_init_attr count: both are needed. */
enum ibv_xrcd_init_attr_mask {
    IBV_XRCD_INIT_ATTR_FD = 1 << 0,
    IBV_XRCD_INIT_ATTR_OFLAGS = 1 << 1,
    IBV_XRCD_INIT_ATTR_RESERVED = 1 << 2
};

struct ibv_xrcd_init_attr {
    uint32_t comp_mask; /* enum ibv_xrcd_init_attr_mask */
    int fd;             /* the file that names the domain to other processes, or -1 for no name */
    int oflags;         /* O_CREAT and O_EXCL, as open() has them */
};

struct ibv_xrcd {
    struct ibv_context *context;
};

/* Which members of ibv_qp_open_attr count. */
enum ibv_qp_open_attr_mask {
    IBV_QP_OPEN_ATTR_NUM = 1 << 0,
    IBV_QP_OPEN_ATTR_XRCD = 1 << 1,
    IBV_QP_OPEN_ATTR_CONTEXT = 1 << 2,
    IBV_QP_OPEN_ATTR_TYPE = 1 << 3,
    IBV_QP_OPEN_ATTR_RESERVED = 1 << 4
};

struct ibv_qp_open_attr {
    uint32_t comp_mask; /* enum ibv_qp_open_attr_mask */
    uint32_t qp_num;
    struct ibv_xrcd *xrcd;    /* the domain that the QP is in */
    void *qp_context;         /* the program's */
    enum ibv_qp_type qp_type; /* IBV_QPT_XRC_RECV */
};

#ifdef VERBS_HAVE_XRC
/**
 * Opens a domain of shared connections, or makes one.
 *
 * @param context         an open device
 * @param xrcd_init_attr  the file that names it, and how it is opened
 * Returns (pointer): the domain, or NULL with errno set.
 * Errors: EINVAL; EBADF no such file; EEXIST, ENOENT as open() has them for oflags; EOPNOTSUPP the
 * device has no such connections; ENOMEM.
 * Source: IBTA volume 1, annex A14; calls: libibverbs 1.1.8.
 */
VERBS_API struct ibv_xrcd *ibv_open_xrcd(struct ibv_context *context,
                                         struct ibv_xrcd_init_attr *xrcd_init_attr);

/**
 * Closes a domain; it ends with the last process that has it open.
 *
 * @param xrcd  the domain
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a queue of this process is still in it; EINVAL; EOPNOTSUPP.
 * Source: IBTA volume 1, annex A14; calls: libibverbs 1.1.8.
 */
VERBS_API int ibv_close_xrcd(struct ibv_xrcd *xrcd);

/**
 * Opens a receiving QP of a domain that another process may have made.
 *
 * ibv_destroy_qp closes it; the QP ends with the last process that has it open.
 *
 * @param context       an open device
 * @param qp_open_attr  domain, number and type of the QP
 * Returns (pointer): the QP, or NULL with errno set.
 * Errors: EINVAL no such QP in the domain, or an unknown bit; EIO its process has ended; ETIMEDOUT
 * that process does not answer; EOPNOTSUPP; ENOMEM. Later calls on such a QP have EIO and ETIMEDOUT
 * as well.
 * Source: IBTA volume 1, annex A14; calls: libibverbs 1.1.8.
 */
VERBS_API struct ibv_qp *ibv_open_qp(struct ibv_context *context,
                                     struct ibv_qp_open_attr *qp_open_attr);

/**
 * Reads the number by which senders name a receive queue.
 *
 * @param srq      a queue of the type IBV_SRQT_XRC
 * @param srq_num  filled on success; 24 bits
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL the queue has no number; EOPNOTSUPP.
 * Source: IBTA volume 1, annex A14; calls: libibverbs 1.1.8.
 */
VERBS_API int ibv_get_srq_num(struct ibv_srq *srq, uint32_t *srq_num);
#endif

#endif
