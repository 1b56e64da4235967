/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work queues outside of a queue pair, and tables of them: packets of one QP are spread over
 * several receive queues by a hash (ibv_rx_hash_conf in qp.h), so that several threads take them.
 */
#ifndef INFINIBAND_VERBS_EXP_WQ_H
#define INFINIBAND_VERBS_EXP_WQ_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>
#include <infiniband/verbs/wr.h>
#include <infiniband/verbs_exp/types.h>
#include <pthread.h>

enum ibv_wq_type { IBV_WQT_RQ /* receives */ };

/* Which members of ibv_wq_init_attr count beside those that always do. */
enum ibv_wq_init_attr_mask {
    IBV_WQ_INIT_ATTR_FLAGS = 1 << 0, /* create_flags */
    IBV_WQ_INIT_ATTR_RESERVED = 1 << 1
};

enum ibv_wq_flags {
    IBV_WQ_FLAGS_CVLAN_STRIPPING = 1 << 0,       /* VLAN tag to the completion */
    IBV_WQ_FLAGS_SCATTER_FCS = 1 << 1,           /* frame check sequence to the buffer */
    IBV_WQ_FLAGS_DELAY_DROP = 1 << 2,            /* packets wait a while for a receive buffer */
    IBV_WQ_FLAGS_PCI_WRITE_END_PADDING = 1 << 3, /* writes to memory fill whole cache lines */
    IBV_WQ_FLAGS_RESERVED = 1 << 4
};

struct ibv_wq_init_attr {
    void *wq_context; /* the program's */
    enum ibv_wq_type wq_type;
    uint32_t max_wr;  /* requests outstanding */
    uint32_t max_sge; /* per request */
    struct ibv_pd *pd;
    struct ibv_cq *cq;     /* where requests complete */
    uint32_t comp_mask;    /* enum ibv_wq_init_attr_mask */
    uint32_t create_flags; /* enum ibv_wq_flags */
};

enum ibv_wq_state {
    IBV_WQS_RESET,
    IBV_WQS_RDY, /* receives */
    IBV_WQS_ERR, /* everything posted is flushed */
    IBV_WQS_UNKNOWN
};

/* Which members of ibv_wq_attr count. */
enum ibv_wq_attr_mask {
    IBV_WQ_ATTR_STATE = 1 << 0,
    IBV_WQ_ATTR_CURR_STATE = 1 << 1,
    IBV_WQ_ATTR_FLAGS = 1 << 2,
    IBV_WQ_ATTR_RESERVED = 1 << 3
};

struct ibv_wq_attr {
    uint32_t attr_mask;              /* enum ibv_wq_attr_mask */
    enum ibv_wq_state wq_state;      /* the new one */
    enum ibv_wq_state curr_wq_state; /* the one it is expected to be in */
    uint32_t flags;                  /* enum ibv_wq_flags */
    uint32_t flags_mask;             /* which of the flags are to change */
};

/* ibv_post_wq_recv uses the pointer; `current` is the queue. */
struct ibv_wq {
    struct ibv_context *context;
    void *wq_context;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    uint32_t wq_num;
    uint32_t handle;
    enum ibv_wq_state state; /* as of the last change; the device may have moved on */
    enum ibv_wq_type wq_type;
    int (*post_recv)(struct ibv_wq *current, struct ibv_recv_wr *recv_wr,
                     struct ibv_recv_wr **bad_recv_wr);
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t events_completed;
    uint32_t comp_mask;
};

struct ibv_rwq_ind_table {
    struct ibv_context *context;
    int ind_tbl_handle;
    int ind_tbl_num;
    uint32_t comp_mask;
};

enum ibv_ind_table_init_attr_mask { IBV_CREATE_IND_TABLE_RESERVED = (1 << 0) };

struct ibv_rwq_ind_table_init_attr {
    uint32_t log_ind_tbl_size; /* the table has 2^n entries */
    struct ibv_wq **ind_tbl;   /* of the type IBV_WQT_RQ; not kept after the call */
    uint32_t comp_mask;        /* 0 */
};

#ifdef VERBS_HAVE_WQ
/**
 * Makes a work queue in the state IBV_WQS_RESET.
 *
 * @param context       an open device
 * @param wq_init_attr  what is needed; on success max_wr and max_sge are what there is, which is
 *                      not less
 * Returns (pointer): the queue, or NULL with errno set.
 * Errors: EINVAL above the limits of the device, or an unknown bit; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 12.
 */
VERBS_API struct ibv_wq *ibv_create_wq(struct ibv_context *context,
                                       struct ibv_wq_init_attr *wq_init_attr);

/**
 * Changes the state or the flags of a work queue.
 *
 * @param wq       the queue
 * @param wq_attr  the new values, of which attr_mask says which count
 * Returns (errno): 0, or the error number; nothing has changed then.
 * Errors: EINVAL; EOPNOTSUPP; ENOMEM.
 * Source: rdma-core 12.
 */
VERBS_API int ibv_modify_wq(struct ibv_wq *wq, struct ibv_wq_attr *wq_attr);

/**
 * Ends a work queue that no table names any more.
 *
 * Waits until every asynchronous event taken for it is acknowledged.
 *
 * @param wq  the queue
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a table still names it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 12.
 */
VERBS_API int ibv_destroy_wq(struct ibv_wq *wq);

/**
 * Posts a list of requests to a receive queue; packets fill them in order.
 *
 * Stops at the first request that does not go; those before it are posted.
 *
 * @param wq           the queue
 * @param recv_wr      first of the list
 * @param bad_recv_wr  on failure receives the request that did not go
 * Returns (errno): 0, or the error number.
 * Errors: ENOMEM the queue is full; EINVAL too many pieces.
 * Source: IBTA volume 1, 11.4.1.2 Post Receive Request; for work queues: rdma-core 12.
 */
static inline int ibv_post_wq_recv(struct ibv_wq *wq, struct ibv_recv_wr *recv_wr,
                                   struct ibv_recv_wr **bad_recv_wr) {
    return wq->post_recv(wq, recv_wr, bad_recv_wr);
}

/**
 * Makes a table of receive queues, for ibv_qp_init_attr_ex.rwq_ind_tbl.
 *
 * A queue may stand in it more than once.
 *
 * @param context    an open device
 * @param init_attr  the queues
 * Returns (pointer): the table, or NULL with errno set.
 * Errors: EINVAL above ibv_rss_caps.max_rwq_indirection_table_size, or an unknown bit; EOPNOTSUPP;
 * ENOMEM.
 * Source: rdma-core 12.
 */
VERBS_API struct ibv_rwq_ind_table *
ibv_create_rwq_ind_table(struct ibv_context *context,
                         struct ibv_rwq_ind_table_init_attr *init_attr);

/**
 * Ends a table that no queue pair uses any more; its queues go on.
 *
 * @param rwq_ind_table  the table
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a queue pair still uses it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 12.
 */
VERBS_API int ibv_destroy_rwq_ind_table(struct ibv_rwq_ind_table *rwq_ind_table);
#endif

#endif
