/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Queue pairs with choices: made with more than the stable attributes, and filled by the calls of
 * wr.h instead of lists of requests.
 */
#ifndef INFINIBAND_VERBS_EXP_QP_H
#define INFINIBAND_VERBS_EXP_QP_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/qp.h>
#include <infiniband/verbs_exp/types.h>

/* Which members of ibv_qp_init_attr_ex count beside those of struct ibv_qp_init_attr. */
enum ibv_qp_init_attr_mask {
    IBV_QP_INIT_ATTR_PD = 1 << 0, /* needed by every type but IBV_QPT_XRC_RECV */
    IBV_QP_INIT_ATTR_XRCD = 1 << 1,
    IBV_QP_INIT_ATTR_CREATE_FLAGS = 1 << 2,
    IBV_QP_INIT_ATTR_MAX_TSO_HEADER = 1 << 3,
    IBV_QP_INIT_ATTR_IND_TABLE = 1 << 4,
    IBV_QP_INIT_ATTR_RX_HASH = 1 << 5,
    IBV_QP_INIT_ATTR_SEND_OPS_FLAGS = 1 << 6 /* wanted by the calls of wr.h */
};

enum ibv_qp_create_flags {
    IBV_QP_CREATE_BLOCK_SELF_MCAST_LB = 1 << 1,   /* own multicast messages do not come back */
    IBV_QP_CREATE_SCATTER_FCS = 1 << 8,           /* frame check sequence to the buffer */
    IBV_QP_CREATE_CVLAN_STRIPPING = 1 << 9,       /* VLAN tag to the completion */
    IBV_QP_CREATE_SOURCE_QPN = 1 << 10,           /* source_qpn is the sender that peers see */
    IBV_QP_CREATE_PCI_WRITE_END_PADDING = 1 << 11 /* writes to memory fill whole cache lines */
};

/* The calls of wr.h that the QP is to be made for. */
enum ibv_qp_create_send_ops_flags {
    IBV_QP_EX_WITH_RDMA_WRITE = 1 << 0,
    IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM = 1 << 1,
    IBV_QP_EX_WITH_SEND = 1 << 2,
    IBV_QP_EX_WITH_SEND_WITH_IMM = 1 << 3,
    IBV_QP_EX_WITH_RDMA_READ = 1 << 4,
    IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP = 1 << 5,
    IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD = 1 << 6,
    IBV_QP_EX_WITH_LOCAL_INV = 1 << 7,
    IBV_QP_EX_WITH_BIND_MW = 1 << 8,
    IBV_QP_EX_WITH_SEND_WITH_INV = 1 << 9,
    IBV_QP_EX_WITH_TSO = 1 << 10,
    IBV_QP_EX_WITH_FLUSH = 1 << 11,
    IBV_QP_EX_WITH_ATOMIC_WRITE = 1 << 12
};

/* How incoming packets choose their entry of an indirection table. */
struct ibv_rx_hash_conf {
    uint8_t rx_hash_function; /* enum ibv_rx_hash_function_flags */
    uint8_t rx_hash_key_len;  /* bytes */
    uint8_t *rx_hash_key;
    uint64_t rx_hash_fields_mask; /* enum ibv_rx_hash_fields; 0: all packets go to one queue */
};

/* The members down to sq_sig_all are those of struct ibv_qp_init_attr. */
struct ibv_qp_init_attr_ex {
    void *qp_context; /* the program's */
    struct ibv_cq *send_cq;
    struct ibv_cq *recv_cq;
    struct ibv_srq *srq; /* or NULL for a receive queue of its own */
    struct ibv_qp_cap cap;
    enum ibv_qp_type qp_type;
    int sq_sig_all; /* nonzero: every send request completes, signaled or not */

    uint32_t comp_mask; /* enum ibv_qp_init_attr_mask: which of the following count */
    struct ibv_pd *pd;
    struct ibv_xrcd *xrcd;   /* of a QP of the type IBV_QPT_XRC_RECV */
    uint32_t create_flags;   /* enum ibv_qp_create_flags */
    uint16_t max_tso_header; /* bytes of header in front of a request of the kind IBV_WR_TSO */
    struct ibv_rwq_ind_table *rwq_ind_tbl; /* receive queues, instead of one of its own */
    struct ibv_rx_hash_conf rx_hash_conf;
    uint32_t source_qpn;     /* counts with IBV_QP_CREATE_SOURCE_QPN; 24 bits */
    uint64_t send_ops_flags; /* enum ibv_qp_create_send_ops_flags */
};

/* Programs write wr_id and wr_flags; the calls of wr.h and wr_set.h use the pointers. */
struct ibv_qp_ex {
    struct ibv_qp qp_base;
    uint64_t comp_mask;

    uint64_t wr_id;        /* comes back in the completion */
    unsigned int wr_flags; /* enum ibv_send_flags */

    void (*wr_atomic_cmp_swp)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                              uint64_t compare, uint64_t swap);
    void (*wr_atomic_fetch_add)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                                uint64_t add);
    void (*wr_bind_mw)(struct ibv_qp_ex *qp, struct ibv_mw *mw, uint32_t rkey,
                       const struct ibv_mw_bind_info *bind_info);
    void (*wr_local_inv)(struct ibv_qp_ex *qp, uint32_t invalidate_rkey);
    void (*wr_rdma_read)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr);
    void (*wr_rdma_write)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr);
    void (*wr_rdma_write_imm)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                              __be32 imm_data);

    void (*wr_send)(struct ibv_qp_ex *qp);
    void (*wr_send_imm)(struct ibv_qp_ex *qp, __be32 imm_data);
    void (*wr_send_inv)(struct ibv_qp_ex *qp, uint32_t invalidate_rkey);
    void (*wr_send_tso)(struct ibv_qp_ex *qp, void *hdr, uint16_t hdr_sz, uint16_t mss);

    void (*wr_set_ud_addr)(struct ibv_qp_ex *qp, struct ibv_ah *ah, uint32_t remote_qpn,
                           uint32_t remote_qkey);
    void (*wr_set_xrc_srqn)(struct ibv_qp_ex *qp, uint32_t remote_srqn);

    void (*wr_set_inline_data)(struct ibv_qp_ex *qp, void *addr, size_t length);
    void (*wr_set_inline_data_list)(struct ibv_qp_ex *qp, size_t num_buf,
                                    const struct ibv_data_buf *buf_list);
    void (*wr_set_sge)(struct ibv_qp_ex *qp, uint32_t lkey, uint64_t addr, uint32_t length);
    void (*wr_set_sge_list)(struct ibv_qp_ex *qp, size_t num_sge, const struct ibv_sge *sg_list);

    void (*wr_start)(struct ibv_qp_ex *qp);
    int (*wr_complete)(struct ibv_qp_ex *qp);
    void (*wr_abort)(struct ibv_qp_ex *qp);

    void (*wr_atomic_write)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr,
                            const void *atomic_wr);
    void (*wr_flush)(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t remote_addr, size_t len,
                     uint8_t type, uint8_t level);
};

/* How ibv_query_qp_data_in_order is asked. */
enum ibv_query_qp_data_in_order_flags {
    IBV_QUERY_QP_DATA_IN_ORDER_RETURN_CAPS = 1 << 0, /* for all of the following */
    IBV_QUERY_QP_DATA_IN_ORDER_DEVICE_ONLY = 1 << 1  /* whatever the host makes of it */
};

enum ibv_query_qp_data_in_order_caps {
    IBV_QUERY_QP_DATA_IN_ORDER_WHOLE_MSG = 1 << 0,
    IBV_QUERY_QP_DATA_IN_ORDER_ALIGNED_128_BYTES = 1 << 1 /* inside of blocks of 128 bytes */
};

#ifdef VERBS_HAVE_QP_EX
/**
 * Makes a queue pair in the state IBV_QPS_RESET, with more choices than ibv_create_qp.
 *
 * It is a queue pair in all other ways; ibv_destroy_qp ends it. With send_ops_flags it can be
 * filled by the calls of wr.h as well, see ibv_qp_to_qp_ex.
 *
 * @param context          an open device
 * @param qp_init_attr_ex  what is needed; on success cap is what there is, which is not less
 * Returns (pointer): the QP, or NULL with errno set.
 * Errors: EINVAL as ibv_create_qp, or an unknown bit, or no protection domain; EOPNOTSUPP the
 * device lacks the type, a flag or one of the operations; EPERM; ENOMEM.
 * Source: IBTA volume 1, 11.2.4.1 Create Queue Pair; attributes: libibverbs 1.1.8.
 */
VERBS_API struct ibv_qp *ibv_create_qp_ex(struct ibv_context *context,
                                          struct ibv_qp_init_attr_ex *qp_init_attr_ex);

/**
 * The face of a queue pair that the calls of wr.h need.
 *
 * @param qp  a QP that was made with IBV_QP_INIT_ATTR_SEND_OPS_FLAGS
 * Returns (value): the same object, or NULL when the QP was made without them.
 * Errors: none.
 * Source: rdma-core 24.
 */
VERBS_API struct ibv_qp_ex *ibv_qp_to_qp_ex(struct ibv_qp *qp);

/**
 * Tells whether the bytes of a message appear in memory in order, so that a program that waits for
 * the last byte has all others too.
 *
 * @param qp     the QP
 * @param op     how the data is sent
 * @param flags  enum ibv_query_qp_data_in_order_flags
 * Returns (value): with IBV_QUERY_QP_DATA_IN_ORDER_RETURN_CAPS what is sure of enum
 * ibv_query_qp_data_in_order_caps; else 1 when that is sure of the whole message, otherwise 0.
 * Errors: none.
 * Source: rdma-core 36; flags: rdma-core 45.
 */
VERBS_API int ibv_query_qp_data_in_order(struct ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags);
#endif

#endif
