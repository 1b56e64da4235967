/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Completion queues with choices: what a completion tells (wc.h has the calls that read it), how
 * the queue is locked, and how often it raises events.
 */
#ifndef INFINIBAND_VERBS_EXP_CQ_H
#define INFINIBAND_VERBS_EXP_CQ_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/cq.h>
#include <infiniband/verbs_exp/types.h>

/* What completions of the queue are to carry. Status, wr_id, opcode and vendor_err always do. */
enum ibv_create_cq_wc_flags {
    IBV_WC_EX_WITH_BYTE_LEN = 1 << 0,
    IBV_WC_EX_WITH_IMM = 1 << 1, /* immediate data, and the key that was invalidated */
    IBV_WC_EX_WITH_QP_NUM = 1 << 2,
    IBV_WC_EX_WITH_SRC_QP = 1 << 3,
    IBV_WC_EX_WITH_SLID = 1 << 4,
    IBV_WC_EX_WITH_SL = 1 << 5,
    IBV_WC_EX_WITH_DLID_PATH_BITS = 1 << 6,
    IBV_WC_EX_WITH_COMPLETION_TIMESTAMP = 1 << 7, /* ticks of the device's clock */
    IBV_WC_EX_WITH_CVLAN = 1 << 8,
    IBV_WC_EX_WITH_FLOW_TAG = 1 << 9,
    IBV_WC_EX_WITH_TM_INFO = 1 << 10,
    IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK = 1 << 11 /* nanoseconds of CLOCK_REALTIME */
};

/* What struct ibv_wc of the stable API has. */
enum {
    IBV_WC_STANDARD_FLAGS = IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_IMM | IBV_WC_EX_WITH_QP_NUM |
                            IBV_WC_EX_WITH_SRC_QP | IBV_WC_EX_WITH_SLID | IBV_WC_EX_WITH_SL |
                            IBV_WC_EX_WITH_DLID_PATH_BITS
};

/* All flags that have a meaning; a device may lack some. The cast: C++20 minds mixed enums. */
enum {
    IBV_CREATE_CQ_SUP_WC_FLAGS = (int)IBV_WC_STANDARD_FLAGS | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP |
                                 IBV_WC_EX_WITH_CVLAN | IBV_WC_EX_WITH_FLOW_TAG |
                                 IBV_WC_EX_WITH_TM_INFO |
                                 IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK
};

/* Which members of ibv_cq_init_attr_ex count beside those that always do. */
enum ibv_cq_init_attr_mask {
    IBV_CQ_INIT_ATTR_MASK_FLAGS = 1 << 0, /* flags */
    IBV_CQ_INIT_ATTR_MASK_PD = 1 << 1     /* parent_domain */
};

enum ibv_create_cq_attr_flags {
    IBV_CREATE_CQ_ATTR_SINGLE_THREADED = 1 << 0, /* one thread at a time polls: no lock is needed */
    IBV_CREATE_CQ_ATTR_IGNORE_OVERRUN = 1 << 1   /* the program sees to it that it never overruns */
};

struct ibv_cq_init_attr_ex {
    uint32_t cqe;                     /* entries needed, from 1; there may be room for more */
    void *cq_context;                 /* the program's own, comes back with events */
    struct ibv_comp_channel *channel; /* or NULL for a CQ that is only polled */
    uint32_t comp_vector;             /* below context->num_comp_vectors */
    uint64_t wc_flags;                /* enum ibv_create_cq_wc_flags */
    uint32_t comp_mask;               /* enum ibv_cq_init_attr_mask */
    uint32_t flags;                   /* enum ibv_create_cq_attr_flags */
    struct ibv_pd *parent_domain;     /* whose allocators and thread domain the queue uses */
};

struct ibv_poll_cq_attr {
    uint32_t comp_mask; /* 0 */
};

/*
 * The members down to async_events_completed are those of struct ibv_cq, so that one pointer serves
 * as both. Programs read status and wr_id; the calls of wc.h use the pointers, of which one that
 * the queue was not made for may be NULL. `current` is the queue.
 */
struct ibv_cq_ex {
    struct ibv_context *context;
    struct ibv_comp_channel *channel;
    void *cq_context;
    uint32_t handle;
    int cqe; /* entries there is room for */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t comp_events_completed;
    uint32_t async_events_completed;

    uint32_t comp_mask;
    enum ibv_wc_status status; /* of the completion that was stepped to */
    uint64_t wr_id;            /* of the same */
    int (*start_poll)(struct ibv_cq_ex *current, struct ibv_poll_cq_attr *attr);
    int (*next_poll)(struct ibv_cq_ex *current);
    void (*end_poll)(struct ibv_cq_ex *current);
    enum ibv_wc_opcode (*read_opcode)(struct ibv_cq_ex *current);
    uint32_t (*read_vendor_err)(struct ibv_cq_ex *current);
    uint32_t (*read_byte_len)(struct ibv_cq_ex *current);
    __be32 (*read_imm_data)(struct ibv_cq_ex *current);
    uint32_t (*read_qp_num)(struct ibv_cq_ex *current);
    uint32_t (*read_src_qp)(struct ibv_cq_ex *current);
    unsigned int (*read_wc_flags)(struct ibv_cq_ex *current);
    uint32_t (*read_slid)(struct ibv_cq_ex *current);
    uint8_t (*read_sl)(struct ibv_cq_ex *current);
    uint8_t (*read_dlid_path_bits)(struct ibv_cq_ex *current);
    uint64_t (*read_completion_ts)(struct ibv_cq_ex *current);
    uint16_t (*read_cvlan)(struct ibv_cq_ex *current);
    uint32_t (*read_flow_tag)(struct ibv_cq_ex *current);
    void (*read_tm_info)(struct ibv_cq_ex *current, struct ibv_wc_tm_info *tm_info);
    uint64_t (*read_completion_wallclock_ns)(struct ibv_cq_ex *current);
};

enum ibv_cq_attr_mask { IBV_CQ_ATTR_MODERATE = 1 << 0, IBV_CQ_ATTR_RESERVED = 1 << 1 };

/* An event is raised after so many completions or so long, whichever comes first. */
struct ibv_moderate_cq {
    uint16_t cq_count;
    uint16_t cq_period; /* microseconds */
};

struct ibv_modify_cq_attr {
    uint32_t attr_mask; /* enum ibv_cq_attr_mask */
    struct ibv_moderate_cq moderate;
};

#ifdef VERBS_HAVE_CQ_EX
/**
 * Makes a completion queue that is polled in steps, with the calls of wc.h.
 *
 * It is a completion queue in all other ways (ibv_cq_ex_to_cq), and ibv_destroy_cq ends it.
 *
 * @param context  an open device
 * @param cq_attr  what is needed
 * Returns (pointer): the queue, or NULL with errno set; cqe in it is the real size.
 * Errors: EINVAL size, vector, channel or an unknown bit; EOPNOTSUPP the device cannot tell what
 * wc_flags asks for, or has no such flag; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Create Completion Queue); attributes: libibverbs 1.2.1.
 */
VERBS_API struct ibv_cq_ex *ibv_create_cq_ex(struct ibv_context *context,
                                             struct ibv_cq_init_attr_ex *cq_attr);

/**
 * The stable face of a queue, for every call that takes struct ibv_cq.
 *
 * @param cq  the queue
 * Returns (value): the same object.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline struct ibv_cq *ibv_cq_ex_to_cq(struct ibv_cq_ex *cq) {
    return (struct ibv_cq *)cq;
}
#endif

#ifdef VERBS_HAVE_MODIFY_CQ
/**
 * Changes how often a completion queue raises events.
 *
 * @param cq    the queue, of either kind
 * @param attr  the new values, of which attr_mask says which count
 * Returns (errno): 0, or the error number; nothing has changed then.
 * Errors: EINVAL an unknown bit, or above ibv_device_attr_ex.cq_mod_caps; EOPNOTSUPP.
 * Source: rdma-core 16.
 */
VERBS_API int ibv_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
#endif

#endif
