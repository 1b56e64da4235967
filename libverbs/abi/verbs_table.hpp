// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The verbs that compat_sonames hand on, and the hooks, as a table of libverbs at the node
// VERBS_PRIVATE: a program's call is bound by the dynamic linker once, to their library, and not a
// second time from there to this one, at a thousand instructions each. Not installed.
//
// Whenever the list changes the number in its name does: a shim and a libverbs of different
// releases then part at the start of the program, with the name that is missing.
#pragma once

#include "abi/hooks.h"

#include <infiniband/verbs.h>

#define VERBS_EACH_FORWARDED(VERB)                                                                 \
    VERB(ibv_ack_async_event)                                                                      \
    VERB(ibv_ack_cq_events)                                                                        \
    VERB(ibv_alloc_pd)                                                                             \
    VERB(ibv_attach_mcast)                                                                         \
    VERB(ibv_close_device)                                                                         \
    VERB(ibv_create_ah)                                                                            \
    VERB(ibv_create_ah_from_wc)                                                                    \
    VERB(ibv_create_comp_channel)                                                                  \
    VERB(ibv_create_cq)                                                                            \
    VERB(ibv_create_qp)                                                                            \
    VERB(ibv_create_srq)                                                                           \
    VERB(ibv_dealloc_pd)                                                                           \
    VERB(ibv_dereg_mr)                                                                             \
    VERB(ibv_destroy_ah)                                                                           \
    VERB(ibv_destroy_comp_channel)                                                                 \
    VERB(ibv_destroy_cq)                                                                           \
    VERB(ibv_destroy_qp)                                                                           \
    VERB(ibv_destroy_srq)                                                                          \
    VERB(ibv_detach_mcast)                                                                         \
    VERB(ibv_event_type_str)                                                                       \
    VERB(ibv_fork_init)                                                                            \
    VERB(ibv_free_device_list)                                                                     \
    VERB(ibv_get_async_event)                                                                      \
    VERB(ibv_get_cq_event)                                                                         \
    VERB(ibv_get_device_guid)                                                                      \
    VERB(ibv_get_device_index)                                                                     \
    VERB(ibv_get_device_list)                                                                      \
    VERB(ibv_get_device_name)                                                                      \
    VERB(ibv_get_pkey_index)                                                                       \
    VERB(ibv_init_ah_from_wc)                                                                      \
    VERB(ibv_is_fork_initialized)                                                                  \
    VERB(ibv_modify_qp)                                                                            \
    VERB(ibv_modify_srq)                                                                           \
    VERB(ibv_node_type_str)                                                                        \
    VERB(ibv_open_device)                                                                          \
    VERB(ibv_port_state_str)                                                                       \
    VERB(ibv_query_device)                                                                         \
    VERB(ibv_query_gid)                                                                            \
    VERB(ibv_query_pkey)                                                                           \
    VERB(ibv_query_qp)                                                                             \
    VERB(ibv_query_srq)                                                                            \
    VERB(ibv_rate_to_mbps)                                                                         \
    VERB(ibv_rate_to_mult)                                                                         \
    VERB(ibv_reg_mr)                                                                               \
    VERB(ibv_reg_mr_iova)                                                                          \
    VERB(ibv_rereg_mr)                                                                             \
    VERB(ibv_resize_cq)                                                                            \
    VERB(ibv_wc_status_str)                                                                        \
    VERB(mbps_to_ibv_rate)                                                                         \
    VERB(mult_to_ibv_rate)

#define VERBS_TABLE_MEMBER(name) decltype(::name) *name;
struct verbs_table {
    const verbs_hooks *hooks;  // may be longer than the shim's, or shorter: its size tells
    VERBS_EACH_FORWARDED(VERBS_TABLE_MEMBER)
};
#undef VERBS_TABLE_MEMBER
static_assert(sizeof(verbs_table) == 51 * sizeof(void *), "another list, another number");

extern "C" __attribute__((visibility("default"))) const verbs_table verbs_private_table_1;
