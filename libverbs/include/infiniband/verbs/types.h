/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names of all objects, and the system headers that every other part relies on. It defines no
 * layout: a part that needs one includes the object's own header.
 */
#ifndef INFINIBAND_VERBS_TYPES_H
#define INFINIBAND_VERBS_TYPES_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

struct ibv_ah;
struct ibv_ah_attr;
struct ibv_async_event;
struct ibv_comp_channel;
struct ibv_context;
struct ibv_cq;
struct ibv_device;
struct ibv_device_attr;
struct ibv_grh;
struct ibv_mr;
struct ibv_mw;
struct ibv_mw_bind;
struct ibv_pd;
struct ibv_port_attr;
struct ibv_qp;
struct ibv_qp_attr;
struct ibv_qp_init_attr;
struct ibv_recv_wr;
struct ibv_send_wr;
struct ibv_sge;
struct ibv_srq;
struct ibv_srq_attr;
struct ibv_srq_init_attr;
struct ibv_wc;
struct ibv_wq; /* a work queue of its own: experimental, named here for struct ibv_async_event */

#endif
