/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work completions: what ibv_poll_cq (cq.h) tells about a work request that is done.
 */
#ifndef INFINIBAND_VERBS_WC_H
#define INFINIBAND_VERBS_WC_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/* IBTA volume 1, 11.6.2 (completion return status). */
enum ibv_wc_status {
    IBV_WC_SUCCESS,
    IBV_WC_LOC_LEN_ERR,   /* a local buffer is too short, or a message too long */
    IBV_WC_LOC_QP_OP_ERR, /* the QP cannot do this in its present shape */
    IBV_WC_LOC_EEC_OP_ERR,
    IBV_WC_LOC_PROT_ERR, /* a local buffer is outside its region or lacks the right */
    IBV_WC_WR_FLUSH_ERR, /* not carried out: the QP went to the error state first */
    IBV_WC_MW_BIND_ERR,
    IBV_WC_BAD_RESP_ERR,      /* an answer that the protocol does not allow */
    IBV_WC_LOC_ACCESS_ERR,    /* incoming data hit a local buffer that may not be written */
    IBV_WC_REM_INV_REQ_ERR,   /* the peer called the request invalid */
    IBV_WC_REM_ACCESS_ERR,    /* the peer refused the key, the range or the right */
    IBV_WC_REM_OP_ERR,        /* the peer could not finish it */
    IBV_WC_RETRY_EXC_ERR,     /* no answer, retry_cnt used up */
    IBV_WC_RNR_RETRY_EXC_ERR, /* the peer had no receive posted, rnr_retry used up */
    IBV_WC_LOC_RDD_VIOL_ERR,
    IBV_WC_REM_INV_RD_REQ_ERR,
    IBV_WC_REM_ABORT_ERR,
    IBV_WC_INV_EECN_ERR,
    IBV_WC_INV_EEC_STATE_ERR,
    IBV_WC_FATAL_ERR,
    IBV_WC_RESP_TIMEOUT_ERR,
    IBV_WC_GENERAL_ERR,
    IBV_WC_TM_ERR,            /* tag matching: experimental */
    IBV_WC_TM_RNDV_INCOMPLETE /* tag matching: experimental */
};

/* All receive opcodes have the bit IBV_WC_RECV, and no send opcode has it. */
enum ibv_wc_opcode {
    IBV_WC_SEND,
    IBV_WC_RDMA_WRITE,
    IBV_WC_RDMA_READ,
    IBV_WC_COMP_SWAP,
    IBV_WC_FETCH_ADD,
    IBV_WC_BIND_MW,
    IBV_WC_LOCAL_INV,
    IBV_WC_TSO,
    IBV_WC_FLUSH,        /* experimental */
    IBV_WC_ATOMIC_WRITE, /* experimental */
    IBV_WC_RECV = 1 << 7,
    IBV_WC_RECV_RDMA_WITH_IMM,
    /* The rest belongs to experimental features. */
    IBV_WC_TM_ADD,
    IBV_WC_TM_DEL,
    IBV_WC_TM_SYNC,
    IBV_WC_TM_RECV,
    IBV_WC_TM_NO_TAG,
    IBV_WC_DRIVER1,
    IBV_WC_DRIVER2,
    IBV_WC_DRIVER3
};

enum { IBV_WC_IP_CSUM_OK_SHIFT = 2 };

/* Bits of ibv_wc.wc_flags. */
enum ibv_wc_flags {
    IBV_WC_GRH = 1 << 0,      /* UD: the first 40 bytes of the buffer are a GRH */
    IBV_WC_WITH_IMM = 1 << 1, /* imm_data is set */
    IBV_WC_IP_CSUM_OK = 1 << IBV_WC_IP_CSUM_OK_SHIFT,
    IBV_WC_WITH_INV = 1 << 3,     /* invalidated_rkey is set */
    IBV_WC_TM_SYNC_REQ = 1 << 4,  /* experimental */
    IBV_WC_TM_MATCH = 1 << 5,     /* experimental */
    IBV_WC_TM_DATA_VALID = 1 << 6 /* experimental */
};

/*
 * When status is not IBV_WC_SUCCESS only wr_id, status, vendor_err and qp_num mean anything.
 * Programs keep arrays of these: the structure never grows.
 */
struct ibv_wc {
    uint64_t wr_id; /* of the work request */
    enum ibv_wc_status status;
    enum ibv_wc_opcode opcode;
    uint32_t vendor_err; /* for the vendor's support, no meaning across devices */
    uint32_t byte_len;   /* bytes received, the GRH of a UD message included, or read */
    __extension__ union {
        __be32 imm_data;           /* IBV_WC_WITH_IMM: network byte order, as the sender gave it */
        uint32_t invalidated_rkey; /* IBV_WC_WITH_INV */
    };
    uint32_t qp_num;        /* local QP */
    uint32_t src_qp;        /* UD: the sender's QP */
    unsigned int wc_flags;  /* enum ibv_wc_flags */
    uint16_t pkey_index;    /* of QP 1 only */
    uint16_t slid;          /* UD: the sender's LID, host byte order */
    uint8_t sl;             /* UD: service level */
    uint8_t dlid_path_bits; /* UD: low bits of the LID that was addressed */
};

/**
 * Describes a completion status.
 *
 * @param status  any number
 * Returns (value): a constant string, never NULL; "unknown" for a number without a meaning.
 * Errors: none.
 * Source: libibverbs 1.1.2.
 */
VERBS_API const char *ibv_wc_status_str(enum ibv_wc_status status);

#endif
