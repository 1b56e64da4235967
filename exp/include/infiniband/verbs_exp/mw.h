/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Memory windows of type 2: a queue pair binds them by a request of its own (IBV_WR_BIND_MW,
 * ibv_wr_bind_mw) with a key that the program chooses, and the binding ends by a request here
 * (IBV_WR_LOCAL_INV, ibv_wr_local_inv) or there (IBV_WR_SEND_WITH_INV, ibv_wr_send_inv). What is
 * true of all devices:
 *
 *  - A key is new with each bind: the last one with other low 8 bits (ibv_inc_rkey). mw->rkey is
 *    that of the window when it was made and the program's to keep; it must be the last key when
 *    the next bind is posted.
 *  - The window is open to the peer of the queue pair that bound it. It is bound again only after
 *    it was invalidated, by that queue pair or its peer.
 *  - A bind or an invalidation that cannot be carried out is an error of the queue pair.
 */
#ifndef INFINIBAND_VERBS_EXP_MW_H
#define INFINIBAND_VERBS_EXP_MW_H

#include <infiniband/verbs/api.h>
#include <infiniband/verbs/mw.h>
#include <infiniband/verbs_exp/types.h>

#ifdef VERBS_HAVE_MW_TYPE_2
/**
 * The same as ibv_alloc_mw of the stable API, and makes windows of type 2 as well.
 *
 * @param pd    protection domain; regions and QPs used with the window must share it
 * @param type  kind of window
 * Returns (pointer): the window, or NULL with errno set.
 * Errors: EOPNOTSUPP the device has no windows of this kind; EINVAL; ENOMEM.
 * Source: IBTA volume 1, chapter 11.2 (Allocate Memory Window); type 2: libibverbs 1.2.0.
 */
VERBS_API struct ibv_mw *verbs_exp_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);

/* Programs call it by the name that it has everywhere. */
#define ibv_alloc_mw(pd, type) verbs_exp_alloc_mw(pd, type)
#endif

#endif
