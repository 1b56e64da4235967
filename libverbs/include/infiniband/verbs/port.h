/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports of a device: their state and their attributes. GIDs and partition keys, which are tables
 * of a port, are in gid.h and pkey.h.
 */
#ifndef INFINIBAND_VERBS_PORT_H
#define INFINIBAND_VERBS_PORT_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/types.h>

/* Payload bytes per packet, coded: 256 * 2^(n - 1). */
enum ibv_mtu {
    IBV_MTU_256 = 1,
    IBV_MTU_512 = 2,
    IBV_MTU_1024 = 3,
    IBV_MTU_2048 = 4,
    IBV_MTU_4096 = 5
};

enum ibv_port_state {
    IBV_PORT_NOP = 0,
    IBV_PORT_DOWN = 1,
    IBV_PORT_INIT = 2,
    IBV_PORT_ARMED = 3,
    IBV_PORT_ACTIVE = 4,
    IBV_PORT_ACTIVE_DEFER = 5
};

/* Values of ibv_port_attr.link_layer. */
enum {
    IBV_LINK_LAYER_UNSPECIFIED, /* by a provider too old to tell: take it as InfiniBand */
    IBV_LINK_LAYER_INFINIBAND,
    IBV_LINK_LAYER_ETHERNET
};

/* Bits of ibv_port_attr.port_cap_flags: the CapabilityMask of PortInfo. */
enum ibv_port_cap_flags {
    IBV_PORT_SM = 1 << 1,
    IBV_PORT_NOTICE_SUP = 1 << 2,
    IBV_PORT_TRAP_SUP = 1 << 3,
    IBV_PORT_OPT_IPD_SUP = 1 << 4,
    IBV_PORT_AUTO_MIGR_SUP = 1 << 5,
    IBV_PORT_SL_MAP_SUP = 1 << 6,
    IBV_PORT_MKEY_NVRAM = 1 << 7,
    IBV_PORT_PKEY_NVRAM = 1 << 8,
    IBV_PORT_LED_INFO_SUP = 1 << 9,
    IBV_PORT_SYS_IMAGE_GUID_SUP = 1 << 11,
    IBV_PORT_PKEY_SW_EXT_PORT_TRAP_SUP = 1 << 12,
    IBV_PORT_EXTENDED_SPEEDS_SUP = 1 << 14,
    IBV_PORT_CAP_MASK2_SUP = 1 << 15,
    IBV_PORT_CM_SUP = 1 << 16,
    IBV_PORT_SNMP_TUNNEL_SUP = 1 << 17,
    IBV_PORT_REINIT_SUP = 1 << 18,
    IBV_PORT_DEVICE_MGMT_SUP = 1 << 19,
    IBV_PORT_VENDOR_CLASS_SUP = 1 << 20,
    IBV_PORT_DR_NOTICE_SUP = 1 << 21,
    IBV_PORT_CAP_MASK_NOTICE_SUP = 1 << 22,
    IBV_PORT_BOOT_MGMT_SUP = 1 << 23,
    IBV_PORT_LINK_LATENCY_SUP = 1 << 24,
    IBV_PORT_CLIENT_REG_SUP = 1 << 25,
    IBV_PORT_IP_BASED_GIDS = 1 << 26
};

/* Bits of ibv_port_attr.port_cap_flags2: CapabilityMask2 of PortInfo. */
enum ibv_port_cap_flags2 {
    IBV_PORT_SET_NODE_DESC_SUP = 1 << 0,
    IBV_PORT_INFO_EXT_SUP = 1 << 1,
    IBV_PORT_VIRT_SUP = 1 << 2,
    IBV_PORT_SWITCH_PORT_STATE_TABLE_SUP = 1 << 3,
    IBV_PORT_LINK_WIDTH_2X_SUP = 1 << 4,
    IBV_PORT_LINK_SPEED_HDR_SUP = 1 << 5,
    IBV_PORT_LINK_SPEED_NDR_SUP = 1 << 10,
    IBV_PORT_LINK_SPEED_XDR_SUP = 1 << 12
};

/* Bit of ibv_port_attr.flags: address vectors on this port need a global route. */
#define IBV_QPF_GRH_REQUIRED (1 << 0)

struct ibv_port_attr {
    enum ibv_port_state state;
    enum ibv_mtu max_mtu;
    enum ibv_mtu active_mtu;
    int gid_tbl_len;
    uint32_t port_cap_flags; /* enum ibv_port_cap_flags */
    uint32_t max_msg_sz;     /* bytes */
    uint32_t bad_pkey_cntr;
    uint32_t qkey_viol_cntr;
    uint16_t pkey_tbl_len;
    uint16_t lid; /* host byte order; 0 on Ethernet */
    uint16_t sm_lid;
    uint8_t lmc;        /* low bits of the LID that name paths */
    uint8_t max_vl_num; /* coded: 1, 2, 3, 4, 5 for 1, 2, 4, 8, 15 virtual lanes */
    uint8_t sm_sl;
    uint8_t subnet_timeout; /* 4.096 us * 2^n */
    uint8_t init_type_reply;
    uint8_t active_width; /* coded: 1, 2, 4, 8, 16 for 1, 4, 8, 12, 2 lanes */
    uint8_t active_speed; /* coded, per lane: 1 SDR, 2 DDR, 4 QDR, 8 FDR10, 16 FDR, 32 EDR ... */
    uint8_t phys_state;   /* coded: 1 sleep, 2 polling, 3 disabled, 4 training, 5 link up, ... */
    uint8_t link_layer;   /* IBV_LINK_LAYER_* */
    uint8_t flags;        /* IBV_QPF_* */
    uint16_t port_cap_flags2; /* enum ibv_port_cap_flags2, when CAP_MASK2_SUP is set */
};

/**
 * Reads the state and the attributes of a port.
 *
 * Writes sizeof(struct ibv_port_attr) of this header, 52 bytes, no more and no less; the structure
 * never grows under this name. (The function of the same name in libibverbs.so.1 writes 48.)
 *
 * @param context    an open device
 * @param port_num   port, counted from 1
 * @param port_attr  filled on success
 * Returns (errno): 0, or the error number.
 * Errors: EINVAL no such port; EIO the device did not answer.
 * Source: IBTA volume 1, 11.2.1.2 Query HCA (port attributes); codes from 14.2.5.6 PortInfo.
 */
VERBS_API int ibv_query_port(struct ibv_context *context, uint8_t port_num,
                             struct ibv_port_attr *port_attr);

/**
 * Describes a port state.
 *
 * @param port_state  any number
 * Returns (value): a constant string, never NULL; "unknown" for a number without a meaning.
 * Errors: none.
 * Source: libibverbs 1.1.2.
 */
VERBS_API const char *ibv_port_state_str(enum ibv_port_state port_state);

#endif
