/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Encryption as an action of flow rules: the device encrypts or decrypts IPsec packets (ESP) that a
 * rule finds. One action may serve several rules, which name it in a specification of the type
 * IBV_FLOW_SPEC_ACTION_HANDLE.
 */
#ifndef INFINIBAND_VERBS_EXP_FLOW_ACTION_H
#define INFINIBAND_VERBS_EXP_FLOW_ACTION_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs_exp/types.h>

struct ibv_flow_action {
    struct ibv_context *context;
};

enum ibv_flow_action_esp_keymat { IBV_FLOW_ACTION_ESP_KEYMAT_AES_GCM };

enum ibv_flow_action_esp_keymat_aes_gcm_iv_algo {
    IBV_FLOW_ACTION_IV_ALGO_SEQ /* counts up */
};

/* AES-GCM as RFC 4106 has it. */
struct ibv_flow_action_esp_keymat_aes_gcm {
    __aligned_u64 iv; /* the first one, never used twice with a key; full offload alone */
    __u32 iv_algo;    /* enum ibv_flow_action_esp_keymat_aes_gcm_iv_algo */
    __u32 salt;
    __u32 icv_len; /* bytes of the check value */
    __u32 key_len; /* bytes: 16, 24 or 32 */
    __u32 aes_key[256 / 32];
};

enum ibv_flow_action_esp_replay {
    IBV_FLOW_ACTION_ESP_REPLAY_NONE,
    IBV_FLOW_ACTION_ESP_REPLAY_BMP /* a window of packets seen, RFC 6479 */
};

struct ibv_flow_action_esp_replay_bmp {
    __u32 size; /* of the window, in packets */
};

enum ibv_flow_action_esp_flags {
    IBV_FLOW_ACTION_ESP_FLAGS_INLINE_CRYPTO = 0 << 0, /* headers are the program's */
    IBV_FLOW_ACTION_ESP_FLAGS_FULL_OFFLOAD = 1
                                             << 0, /* the device puts them on and takes them off */
    IBV_FLOW_ACTION_ESP_FLAGS_TUNNEL = 0 << 1,
    IBV_FLOW_ACTION_ESP_FLAGS_TRANSPORT = 1 << 1,
    IBV_FLOW_ACTION_ESP_FLAGS_DECRYPT = 0 << 2,
    IBV_FLOW_ACTION_ESP_FLAGS_ENCRYPT = 1 << 2,
    IBV_FLOW_ACTION_ESP_FLAGS_ESN_NEW_WINDOW = 1 << 3 /* the window begins in the upper half */
};

/* One header of the tunnel; a list of them, from the outside. Full offload alone. */
struct ibv_flow_action_esp_encap {
    __extension__ union {
        void *val_ptr; /* a filter structure of flow_spec.h */
        __aligned_u64 val_ptr_data_u64;
    };
    __extension__ union {
        struct ibv_flow_action_esp_encap *next_ptr;
        __aligned_u64 next_ptr_data_u64;
    };
    __u16 len;  /* bytes of what val_ptr points to */
    __u16 type; /* enum ibv_flow_spec_type */
};

/* All but the flags count with full offload alone. */
struct ibv_flow_action_esp {
    __u32 spi;
    __u32 seq;                     /* of the first packet, lower 32 bits */
    __u32 tfc_pad;                 /* bytes of padding that hide the length, RFC 4303 */
    __u32 flags;                   /* enum ibv_flow_action_esp_flags */
    __aligned_u64 hard_limit_pkts; /* packets are dropped after so many, RFC 4301 */
};

enum ibv_flow_action_esp_mask { IBV_FLOW_ACTION_ESP_MASK_ESN = 1UL << 0 };

/* What is NULL or 0 stays as it is when an action is modified. */
struct ibv_flow_action_esp_attr {
    struct ibv_flow_action_esp *esp_attr;

    enum ibv_flow_action_esp_keymat keymat_proto;
    uint16_t keymat_len; /* bytes */
    void *keymat_ptr;    /* struct ibv_flow_action_esp_keymat_aes_gcm */

    enum ibv_flow_action_esp_replay replay_proto;
    uint16_t replay_len; /* bytes */
    void *replay_ptr;    /* struct ibv_flow_action_esp_replay_bmp */

    struct ibv_flow_action_esp_encap *esp_encap;

    uint32_t comp_mask; /* enum ibv_flow_action_esp_mask */
    uint32_t esn;       /* upper 32 bits of the extended sequence number */
};

#ifdef VERBS_HAVE_FLOW
/**
 * Makes an action that encrypts or decrypts.
 *
 * @param ctx  an open device
 * @param esp  what it does, and with which key; not kept after the call
 * Returns (pointer): the action, or NULL with errno set.
 * Errors: EINVAL; EOPNOTSUPP the device cannot, or not with this key; ENOMEM.
 * Source: RFC 4303; calls: rdma-core 18.
 */
VERBS_API struct ibv_flow_action *ibv_create_flow_action_esp(struct ibv_context *ctx,
                                                             struct ibv_flow_action_esp_attr *esp);

/**
 * Changes an action in all rules that use it, from one packet to the next.
 *
 * @param action  the action
 * @param esp     the new values, not kept after the call
 * Returns (errno): 0, or the error number; the action is as it was then.
 * Errors: EINVAL; EOPNOTSUPP; ENOMEM.
 * Source: RFC 4303; calls: rdma-core 18.
 */
VERBS_API int ibv_modify_flow_action_esp(struct ibv_flow_action *action,
                                         struct ibv_flow_action_esp_attr *esp);

/**
 * Ends an action that no rule uses any more.
 *
 * @param action  the action
 * Returns (errno): 0, or the error number.
 * Errors: EBUSY a rule still uses it; EINVAL; EOPNOTSUPP.
 * Source: rdma-core 18.
 */
VERBS_API int ibv_destroy_flow_action(struct ibv_flow_action *action);
#endif

#endif
