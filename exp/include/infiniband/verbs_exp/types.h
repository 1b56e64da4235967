/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names of all experimental objects, beside those of the stable API. It defines no layout: a
 * part that needs one includes the object's own header.
 */
#ifndef INFINIBAND_VERBS_EXP_TYPES_H
#define INFINIBAND_VERBS_EXP_TYPES_H

#include <infiniband/verbs/types.h>
#include <infiniband/verbs_exp/features.h>

struct ibv_buf;
struct ibv_comp_cntr;
struct ibv_counters;
struct ibv_cq_ex;
struct ibv_data_buf;
struct ibv_dm;
struct ibv_dmah;
struct ibv_flow;
struct ibv_flow_action;
struct ibv_qp_ex;
struct ibv_rwq_ind_table;
struct ibv_td;
struct ibv_wc_tm_info;
struct ibv_xrcd;

#endif
