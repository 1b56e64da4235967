/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The experimental verbs API of libverbs-exp.so.0: an index over one part per object. It adds to
 * the stable API, which comes with it, and never repeats a name of it. What is true for all parts:
 *
 *  - Nothing is promised: names, layouts and behaviour may change with each release, and the soname
 *    with them. Structures have the members, sizes and offsets that libibverbs has in rdma-core 44.
 *  - The functions of a feature are declared when the macro VERBS_HAVE_... of the feature is
 *    defined, see <infiniband/verbs_exp/features.h>. Structures and enumerations are always there.
 *  - A structure with comp_mask is read as far as its bits say; an unknown bit is refused with
 *    EINVAL or EOPNOTSUPP. Where a structure has no bits yet, comp_mask has to be 0.
 *  - Return shapes, threads and owners are as <infiniband/verbs.h> says. What a device cannot do is
 *    answered with EOPNOTSUPP.
 *  - Calls of the data path are inline: they go through the pointers that the provider has put into
 *    the queue, and cost no call into a library.
 */
#ifndef INFINIBAND_VERBS_EXP_H
#define INFINIBAND_VERBS_EXP_H

#include <infiniband/verbs.h>

#include <infiniband/verbs_exp/buffer.h>
#include <infiniband/verbs_exp/comp_cntr.h>
#include <infiniband/verbs_exp/counters.h>
#include <infiniband/verbs_exp/cq.h>
#include <infiniband/verbs_exp/device.h>
#include <infiniband/verbs_exp/dm.h>
#include <infiniband/verbs_exp/dmah.h>
#include <infiniband/verbs_exp/ece.h>
#include <infiniband/verbs_exp/eth.h>
#include <infiniband/verbs_exp/feature_query.h>
#include <infiniband/verbs_exp/features.h>
#include <infiniband/verbs_exp/flow.h>
#include <infiniband/verbs_exp/flow_action.h>
#include <infiniband/verbs_exp/flow_spec.h>
#include <infiniband/verbs_exp/gid.h>
#include <infiniband/verbs_exp/import.h>
#include <infiniband/verbs_exp/mr.h>
#include <infiniband/verbs_exp/mw.h>
#include <infiniband/verbs_exp/pd.h>
#include <infiniband/verbs_exp/port.h>
#include <infiniband/verbs_exp/qp.h>
#include <infiniband/verbs_exp/rate_limit.h>
#include <infiniband/verbs_exp/srq.h>
#include <infiniband/verbs_exp/types.h>
#include <infiniband/verbs_exp/wc.h>
#include <infiniband/verbs_exp/wq.h>
#include <infiniband/verbs_exp/wr.h>
#include <infiniband/verbs_exp/wr_opcode.h>
#include <infiniband/verbs_exp/wr_set.h>
#include <infiniband/verbs_exp/xrc.h>

#endif
