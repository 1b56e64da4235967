/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shared receive queues with choices: of the extended reliable connection (xrc.h), and such that
 * match tagged messages to buffers.
 */
#ifndef INFINIBAND_VERBS_EXP_SRQ_H
#define INFINIBAND_VERBS_EXP_SRQ_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/srq.h>
#include <infiniband/verbs_exp/types.h>

enum ibv_srq_type {
    IBV_SRQT_BASIC, /* as ibv_create_srq makes them */
    IBV_SRQT_XRC,   /* for QPs of other processes in the same XRC domain */
    IBV_SRQT_TM     /* matches tags */
};

/* Which members of ibv_srq_init_attr_ex count beside srq_context and attr. */
enum ibv_srq_init_attr_mask {
    IBV_SRQ_INIT_ATTR_TYPE = 1 << 0, /* without: IBV_SRQT_BASIC */
    IBV_SRQ_INIT_ATTR_PD = 1 << 1,   /* always needed */
    IBV_SRQ_INIT_ATTR_XRCD = 1 << 2, /* needed by IBV_SRQT_XRC */
    IBV_SRQ_INIT_ATTR_CQ = 1 << 3,   /* needed by IBV_SRQT_XRC and IBV_SRQT_TM */
    IBV_SRQ_INIT_ATTR_TM = 1 << 4,   /* needed by IBV_SRQT_TM */
    IBV_SRQ_INIT_ATTR_RESERVED = 1 << 5
};

struct ibv_tm_cap {
    uint32_t max_num_tags; /* buffers in the list, up to ibv_tm_caps.max_num_tags */
    uint32_t max_ops;      /* list operations outstanding, up to ibv_tm_caps.max_ops */
};

/* The members down to attr are those of struct ibv_srq_init_attr. */
struct ibv_srq_init_attr_ex {
    void *srq_context; /* the program's */
    struct ibv_srq_attr attr;

    uint32_t comp_mask; /* enum ibv_srq_init_attr_mask */
    enum ibv_srq_type srq_type;
    struct ibv_pd *pd;
    struct ibv_xrcd *xrcd;
    struct ibv_cq *cq; /* where messages complete */
    struct ibv_tm_cap tm_cap;
};

enum ibv_ops_wr_opcode {
    IBV_WR_TAG_ADD, /* a buffer joins the list */
    IBV_WR_TAG_DEL, /* a buffer leaves the list, unless a message was faster */
    IBV_WR_TAG_SYNC /* the list stays as it is; only unexpected_cnt is told */
};

enum ibv_ops_flags {
    IBV_OPS_SIGNALED = 1 << 0, /* completes on the queue's CQ; others never do */
    IBV_OPS_TM_SYNC = 1 << 1   /* unexpected_cnt counts */
};

/* A change of the list of tagged buffers. A message fits a buffer if its tag & mask is tag. */
struct ibv_ops_wr {
    uint64_t wr_id; /* comes back in the completion of the operation */
    struct ibv_ops_wr *next;
    enum ibv_ops_wr_opcode opcode;
    int flags; /* enum ibv_ops_flags */
    struct {
        uint32_t unexpected_cnt; /* messages without a buffer that the program has handled so far */
        uint32_t handle;         /* of the buffer: filled by ADD, wanted by DEL */
        struct {
            uint64_t recv_wr_id; /* comes back in the completion of the message */
            struct ibv_sge *sg_list;
            int num_sge;
            uint64_t tag;
            uint64_t mask;
        } add;
    } tm;
};

#ifdef VERBS_HAVE_SRQ_EX
/**
 * Makes a shared receive queue, with more choices than ibv_create_srq.
 *
 * It is a shared receive queue in all other ways; ibv_destroy_srq ends it.
 *
 * @param context           an open device
 * @param srq_init_attr_ex  what is needed; on success max_wr and max_sge in attr are what there
 *                          is, which is not less
 * Returns (pointer): the queue, or NULL with errno set.
 * Errors: EINVAL above the limits of the device, an unknown bit, or an object that the type needs
 * is not there; EOPNOTSUPP the device has no such type; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Create Shared Receive Queue) and annex A14; attributes:
 * libibverbs 1.1.8.
 */
VERBS_API struct ibv_srq *ibv_create_srq_ex(struct ibv_context *context,
                                            struct ibv_srq_init_attr_ex *srq_init_attr_ex);
#endif

#ifdef VERBS_HAVE_TAG_MATCHING
/**
 * Posts a list of changes to the tagged buffers of a queue, to be carried out in order.
 *
 * Stops at the first that does not go; those before it are posted. An operation that is signalled
 * completes on the queue's CQ as IBV_WC_TM_ADD, _DEL or _SYNC; a DEL with IBV_WC_TM_ERR when a
 * message has found the buffer before.
 *
 * Messages to the queue begin with the headers of <infiniband/tm_types.h>. One that finds a buffer
 * leaves them out of it, and completes as IBV_WC_TM_RECV with the buffer's recv_wr_id: a message of
 * one packet with IBV_WC_TM_MATCH and IBV_WC_TM_DATA_VALID, any other one twice, first with the
 * one, then with the other. A rendezvous whose data is too much for the buffer completes with
 * IBV_WC_TM_RNDV_INCOMPLETE, its headers in the buffer, and is the program's from there. A message
 * that finds none is unexpected: it takes a receive of ibv_post_srq_recv, headers and all, and
 * completes as IBV_WC_TM_RECV with neither flag. One without a tag, and a FIN, does the same as
 * IBV_WC_TM_NO_TAG and is not unexpected.
 *
 * After an unexpected message, buffers that are added find nothing until an operation with
 * IBV_OPS_TM_SYNC says that the program has handled as many as there were: a buffer that came while
 * such a message was on its way to the program is not to be found by a later one. Completions of
 * operations have IBV_WC_TM_SYNC_REQ as long as that is so.
 *
 * QPs of such a queue are of the type IBV_QPT_RC; they complete on its CQ, and their send queue is
 * the device's, for the reads and the answers of rendezvous: the program has max_send_wr 0.
 *
 * @param srq     a queue of the type IBV_SRQT_TM
 * @param op      first of the list
 * @param bad_op  on failure receives the operation that did not go
 * Returns (errno): 0, or the error number.
 * Errors: ENOMEM too many operations outstanding, or no room for a tag; EINVAL the queue is of
 * another type, or an opcode, a flag, the number of segments or a handle is none; EOPNOTSUPP.
 * Source: rdma-core 16; ibv_post_srq_ops(3), tag_matching.md.
 */
VERBS_API int ibv_post_srq_ops(struct ibv_srq *srq, struct ibv_ops_wr *op,
                               struct ibv_ops_wr **bad_op);
#endif

#endif
