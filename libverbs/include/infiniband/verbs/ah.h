/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Address handles: the way to a destination. A UD request names one, a connected QP has the same
 * attributes inside ibv_qp_attr.
 */
#ifndef INFINIBAND_VERBS_AH_H
#define INFINIBAND_VERBS_AH_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/gid.h>
#include <infiniband/verbs/types.h>

struct ibv_global_route {
    union ibv_gid dgid;
    uint32_t flow_label; /* 20 bits, host byte order */
    uint8_t sgid_index;  /* entry of the local port's GID table to send from */
    uint8_t hop_limit;
    uint8_t traffic_class;
};

/* The 40 bytes in front of a UD message, as they were on the wire. */
struct ibv_grh {
    __be32 version_tclass_flow; /* 4, 8 and 20 bits */
    __be16 paylen;              /* bytes */
    uint8_t next_hdr;
    uint8_t hop_limit;
    union ibv_gid sgid;
    union ibv_gid dgid;
};

struct ibv_ah_attr {
    struct ibv_global_route grh; /* looked at when is_global is set */
    uint16_t dlid;               /* host byte order; not used on Ethernet */
    uint8_t sl;                  /* service level */
    uint8_t src_path_bits;       /* low bits of the local LID to send from */
    uint8_t static_rate;         /* enum ibv_rate */
    uint8_t is_global;           /* has to be set on Ethernet */
    uint8_t port_num;            /* local port, counted from 1 */
};

struct ibv_ah {
    struct ibv_context *context;
    struct ibv_pd *pd;
    uint32_t handle;
};

#define IB_ROCE_UDP_ENCAP_VALID_PORT_MIN (0xC000)
#define IB_ROCE_UDP_ENCAP_VALID_PORT_MAX (0xFFFF)
#define IB_GRH_FLOWLABEL_MASK (0x000FFFFF)

/**
 * Makes an address handle.
 *
 * @param pd    protection domain; only QPs in it may use the handle
 * @param attr  the way; not kept after the call
 * Returns (pointer): the handle, or NULL with errno set.
 * Errors: EINVAL port, GID index, or no global route where one is needed; EHOSTUNREACH, ETIMEDOUT
 * the link address of a GID on Ethernet could not be found; ENOMEM.
 * Source: IBTA volume 1, 11.2.2.1 Create Address Handle.
 */
VERBS_API struct ibv_ah *ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr);

/**
 * Works out the way back to the sender of a UD message.
 *
 * @param context   the device that received it
 * @param port_num  the port that received it
 * @param wc        its completion
 * @param grh       the first 40 bytes of its buffer; looked at when wc has IBV_WC_GRH
 * @param ah_attr   filled on success
 * Returns (minus_one): 0, or -1 with errno set.
 * Errors: EINVAL no such port, or the GID that was addressed is not in its table.
 * Source: libibverbs 1.1; IBTA volume 1, chapter 13.5.4 (how to answer a message).
 */
VERBS_API int ibv_init_ah_from_wc(struct ibv_context *context, uint8_t port_num, struct ibv_wc *wc,
                                  struct ibv_grh *grh, struct ibv_ah_attr *ah_attr);

/**
 * Makes an address handle for the sender of a UD message.
 *
 * @param pd        protection domain
 * @param wc        the message's completion
 * @param grh       the first 40 bytes of its buffer; looked at when wc has IBV_WC_GRH
 * @param port_num  the port that received it, and that the answer leaves by
 * Returns (pointer): the handle, or NULL with errno set.
 * Errors: those of ibv_init_ah_from_wc and ibv_create_ah.
 * Source: libibverbs 1.1.
 */
VERBS_API struct ibv_ah *ibv_create_ah_from_wc(struct ibv_pd *pd, struct ibv_wc *wc,
                                               struct ibv_grh *grh, uint8_t port_num);

/**
 * Ends an address handle; every request that names it must have completed.
 *
 * @param ah  the handle
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL.
 * Source: IBTA volume 1, 11.2.2.4 Destroy Address Handle.
 */
VERBS_API int ibv_destroy_ah(struct ibv_ah *ah);

/**
 * Folds a flow label into a UDP source port, so that both ends of a RoCEv2 flow name the same one.
 *
 * @param fl  flow label; bits above the lower 20 are not looked at
 * Returns (value): the port in host byte order, 0xC000 or greater.
 * Errors: none.
 * Source: the convention of the Linux RDMA stack; IBTA volume 1, annex A17, leaves the port free.
 */
static inline uint16_t ibv_flow_label_to_udp_sport(uint32_t fl) {
    const uint32_t low = fl & 0x3fffu;
    const uint32_t high = (fl & IB_GRH_FLOWLABEL_MASK) >> 14;
    return (uint16_t)(IB_ROCE_UDP_ENCAP_VALID_PORT_MIN | (low ^ high));
}

#endif
