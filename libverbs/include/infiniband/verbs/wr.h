/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Work requests: what is posted to send and receive queues (qp.h, srq.h). Requests and their gather
 * lists belong to the program and may be reused as soon as the posting call is back.
 */
#ifndef INFINIBAND_VERBS_WR_H
#define INFINIBAND_VERBS_WR_H

#include <infiniband/verbs/mw.h>
#include <infiniband/verbs/types.h>

/* A piece of local memory. A length of 0 stands for 2^31 bytes on some devices: avoid it. */
struct ibv_sge {
    uint64_t addr;
    uint32_t length; /* bytes */
    uint32_t lkey;   /* of the region it lies in */
};

enum ibv_wr_opcode {
    IBV_WR_RDMA_WRITE,
    IBV_WR_RDMA_WRITE_WITH_IMM,
    IBV_WR_SEND,
    IBV_WR_SEND_WITH_IMM,
    IBV_WR_RDMA_READ,
    IBV_WR_ATOMIC_CMP_AND_SWP,
    IBV_WR_ATOMIC_FETCH_AND_ADD,
    IBV_WR_LOCAL_INV,
    IBV_WR_BIND_MW,
    IBV_WR_SEND_WITH_INV,
    IBV_WR_TSO,
    IBV_WR_DRIVER1,          /* experimental */
    IBV_WR_FLUSH = 14,       /* experimental */
    IBV_WR_ATOMIC_WRITE = 15 /* experimental */
};

enum ibv_send_flags {
    IBV_SEND_FENCE = 1 << 0,     /* wait for earlier reads and atomics */
    IBV_SEND_SIGNALED = 1 << 1,  /* complete even if the QP was made with sq_sig_all 0 */
    IBV_SEND_SOLICITED = 1 << 2, /* the peer's completion is a solicited one */
    IBV_SEND_INLINE = 1 << 3,    /* data is copied while posting; lkeys are not looked at */
    IBV_SEND_IP_CSUM = 1 << 4
};

/* Programs keep arrays of these: the structure never grows. */
struct ibv_send_wr {
    uint64_t wr_id; /* comes back in the completion */
    struct ibv_send_wr *next;
    struct ibv_sge *sg_list;
    int num_sge;
    enum ibv_wr_opcode opcode;
    unsigned int send_flags; /* enum ibv_send_flags */
    __extension__ union {
        __be32 imm_data;          /* opcodes WITH_IMM: network byte order */
        uint32_t invalidate_rkey; /* opcodes that invalidate */
    };
    union {
        struct {
            uint64_t remote_addr;
            uint32_t rkey;
        } rdma;
        struct {
            uint64_t remote_addr; /* a multiple of 8 */
            uint64_t compare_add; /* compared, or added */
            uint64_t swap;
            uint32_t rkey;
        } atomic;
        struct {
            struct ibv_ah *ah;
            uint32_t remote_qpn;
            uint32_t remote_qkey; /* with bit 31 set: the QP's own key is sent instead */
        } ud;
    } wr;
    union {
        struct {
            uint32_t remote_srqn;
        } xrc; /* experimental */
    } qp_type;
    __extension__ union {
        struct {
            struct ibv_mw *mw;
            uint32_t rkey;
            struct ibv_mw_bind_info bind_info;
        } bind_mw; /* IBV_WR_BIND_MW: experimental */
        struct {
            void *hdr;
            uint16_t hdr_sz;
            uint16_t mss;
        } tso; /* IBV_WR_TSO: experimental */
    };
};

/* Programs keep arrays of these: the structure never grows. */
struct ibv_recv_wr {
    uint64_t wr_id; /* comes back in the completion */
    struct ibv_recv_wr *next;
    struct ibv_sge *sg_list;
    int num_sge;
};

#endif
