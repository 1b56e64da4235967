/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a device is and can do beyond ibv_query_device: capabilities of experimental verbs among
 * them, whether or not the library that has those is installed.
 */
#ifndef INFINIBAND_VERBS_DEVICE_EX_H
#define INFINIBAND_VERBS_DEVICE_EX_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/device.h>
#include <infiniband/verbs/qp.h>

/* Bits of device_cap_flags_ex above those of enum ibv_device_cap_flags, which hold there too. */
#define IBV_DEVICE_RAW_SCATTER_FCS (1ULL << 34)
#define IBV_DEVICE_PCI_WRITE_END_PADDING (1ULL << 36)

struct ibv_query_device_ex_input {
    uint32_t comp_mask; /* 0 */
};

/* Bits of ibv_odp_caps.general_caps: registration without pinned pages (on demand paging). */
enum ibv_odp_general_caps {
    IBV_ODP_SUPPORT = 1 << 0,
    IBV_ODP_SUPPORT_IMPLICIT = 1 << 1 /* a region of the whole address space */
};

/* Bits per transport: operations whose buffers may lie in such a region. */
enum ibv_odp_transport_cap_bits {
    IBV_ODP_SUPPORT_SEND = 1 << 0,
    IBV_ODP_SUPPORT_RECV = 1 << 1,
    IBV_ODP_SUPPORT_WRITE = 1 << 2,
    IBV_ODP_SUPPORT_READ = 1 << 3,
    IBV_ODP_SUPPORT_ATOMIC = 1 << 4,
    IBV_ODP_SUPPORT_SRQ_RECV = 1 << 5,
    IBV_ODP_SUPPORT_FLUSH = 1 << 6,
    IBV_ODP_SUPPORT_ATOMIC_WRITE = 1 << 7
};

struct ibv_odp_caps {
    uint64_t general_caps; /* enum ibv_odp_general_caps */
    struct {
        uint32_t rc_odp_caps; /* enum ibv_odp_transport_cap_bits, as the next two */
        uint32_t uc_odp_caps;
        uint32_t ud_odp_caps;
    } per_transport_caps;
};

/* Segmentation by the device (IBV_WR_TSO). */
struct ibv_tso_caps {
    uint32_t max_tso;        /* bytes of payload per request, 0 for none */
    uint32_t supported_qpts; /* bit n: QPs of the type n, see ibv_is_qpt_supported */
};

enum ibv_rx_hash_function_flags { IBV_RX_HASH_FUNC_TOEPLITZ = 1 << 0 };

/*
 * Parts of an incoming packet that its hash is made of. Of IPv4 and IPv6, and of TCP and UDP, a QP
 * may use one each. The last value does not fit an int, which a pedantic C compiler minds.
 */
__extension__ enum ibv_rx_hash_fields {
    IBV_RX_HASH_SRC_IPV4 = 1 << 0,
    IBV_RX_HASH_DST_IPV4 = 1 << 1,
    IBV_RX_HASH_SRC_IPV6 = 1 << 2,
    IBV_RX_HASH_DST_IPV6 = 1 << 3,
    IBV_RX_HASH_SRC_PORT_TCP = 1 << 4,
    IBV_RX_HASH_DST_PORT_TCP = 1 << 5,
    IBV_RX_HASH_SRC_PORT_UDP = 1 << 6,
    IBV_RX_HASH_DST_PORT_UDP = 1 << 7,
    IBV_RX_HASH_IPSEC_SPI = 1 << 8,
    IBV_RX_HASH_INNER = (1UL << 31) /* of a tunnel's inner packet */
};

/* Spreading of incoming packets over several receive queues. */
struct ibv_rss_caps {
    uint32_t supported_qpts; /* bit n: QPs of the type n */
    uint32_t max_rwq_indirection_tables;
    uint32_t max_rwq_indirection_table_size; /* entries */
    uint64_t rx_hash_fields_mask;            /* enum ibv_rx_hash_fields */
    uint8_t rx_hash_function;                /* enum ibv_rx_hash_function_flags */
};

struct ibv_packet_pacing_caps {
    uint32_t qp_rate_limit_min; /* kbit/s */
    uint32_t qp_rate_limit_max; /* kbit/s, 0 where rates cannot be limited */
    uint32_t supported_qpts;    /* bit n: QPs of the type n */
};

enum ibv_raw_packet_caps {
    IBV_RAW_PACKET_CAP_CVLAN_STRIPPING = 1 << 0, /* VLAN tag to the completion */
    IBV_RAW_PACKET_CAP_SCATTER_FCS = 1 << 1,     /* frame check sequence to the buffer */
    IBV_RAW_PACKET_CAP_IP_CSUM = 1 << 2,
    IBV_RAW_PACKET_CAP_DELAY_DROP = 1 << 3 /* packets wait a while for a receive buffer */
};

enum ibv_tm_cap_flags { IBV_TM_CAP_RC = 1 << 0 /* on RC QPs */ };

/* Matching of tagged messages by the device. */
struct ibv_tm_caps {
    uint32_t max_rndv_hdr_size; /* bytes of a rendezvous request header */
    uint32_t max_num_tags;      /* buffers in the list of one SRQ; 0 where it cannot match tags */
    uint32_t flags;             /* enum ibv_tm_cap_flags */
    uint32_t max_ops;           /* list operations outstanding */
    uint32_t max_sge;           /* per tagged buffer */
};

/* Upper limits of struct ibv_moderate_cq. */
struct ibv_cq_moderation_caps {
    uint16_t max_cq_count;
    uint16_t max_cq_period; /* microseconds */
};

enum ibv_pci_atomic_op_size {
    IBV_PCI_ATOMIC_OPERATION_4_BYTE_SIZE_SUP = 1 << 0,
    IBV_PCI_ATOMIC_OPERATION_8_BYTE_SIZE_SUP = 1 << 1,
    IBV_PCI_ATOMIC_OPERATION_16_BYTE_SIZE_SUP = 1 << 2
};

/* Operand sizes (enum ibv_pci_atomic_op_size) of each operation that is atomic on the PCI bus. */
struct ibv_pci_atomic_caps {
    uint16_t fetch_add;
    uint16_t swap;
    uint16_t compare_swap;
};

/* All zero where the device, its kernel driver or its provider tells nothing. */
struct ibv_device_attr_ex {
    struct ibv_device_attr orig_attr;
    uint32_t comp_mask; /* 0: no bit is defined */
    struct ibv_odp_caps odp_caps;
    uint64_t completion_timestamp_mask; /* bits of a completion's time that count; 0: has none */
    uint64_t hca_core_clock;            /* of the clock behind that time, in kHz; 0: not known */
    uint64_t device_cap_flags_ex;       /* enum ibv_device_cap_flags and IBV_DEVICE_* of 64 bits */
    struct ibv_tso_caps tso_caps;
    struct ibv_rss_caps rss_caps;
    uint32_t max_wq_type_rq; /* work queues of the type IBV_WQT_RQ */
    struct ibv_packet_pacing_caps packet_pacing_caps;
    uint32_t raw_packet_caps; /* enum ibv_raw_packet_caps */
    struct ibv_tm_caps tm_caps;
    struct ibv_cq_moderation_caps cq_mod_caps;
    uint64_t max_dm_size; /* bytes of device memory; 0: has none */
    struct ibv_pci_atomic_caps pci_atomic_caps;
    uint32_t xrc_odp_caps;     /* enum ibv_odp_transport_cap_bits */
    uint32_t phys_port_cnt_ex; /* ports, where 8 bits of orig_attr.phys_port_cnt are too few */
};

/**
 * Tells whether a set of QP types, as the capabilities have it, contains one.
 *
 * @param caps  bit n stands for the type n
 * @param qpt   the type, below 32
 * Returns (value): 1 or 0.
 * Errors: none.
 * Source: libibverbs 1.2.1.
 */
static inline int ibv_is_qpt_supported(uint32_t caps, enum ibv_qp_type qpt) {
    return (caps >> (unsigned int)qpt & 1u) != 0;
}

/**
 * Reads what a device is and can do, abilities that only experimental verbs use included.
 *
 * A device that has nothing to tell beyond ibv_query_device is a success: orig_attr and the number
 * of ports are filled, and the rest is zero. Should the structure ever grow, this name gets another
 * symbol version, and programs built earlier keep the one of this size.
 *
 * @param context  an open device
 * @param input    NULL, or with comp_mask 0
 * @param attr     filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL; EIO the device did not answer.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA; extended attributes: libibverbs 1.2.0.
 */
VERBS_API int ibv_query_device_ex(struct ibv_context *context,
                                  const struct ibv_query_device_ex_input *input,
                                  struct ibv_device_attr_ex *attr);

#endif
