/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stable verbs API of libverbs.so.1: an index over one part per object. It holds nothing itself
 * but what is true for all parts:
 *
 *  - Structures have the members, sizes and offsets that libibverbs has in rdma-core 44, and keep
 *    them: what a program allocates never grows.
 *  - An enumeration has all its values, those of experimental features too, so that it is the same
 *    type in this header and in the experimental one. A value is not a promise: what this library
 *    does not do is refused with EOPNOTSUPP or EINVAL.
 *  - A function returns in one of these shapes, which its comment names:
 *      pointer    NULL on failure, errno set
 *      errno      0, or the error number itself
 *      minus_one  0, or -1 with errno set
 *      count      0 or more, or a negative number on failure
 *      void       cannot fail
 *      value      cannot fail; the result is the answer
 *    Success leaves errno alone.
 *  - Functions may be called from any thread at any time. An object must not be destroyed while
 *    another thread uses it.
 *  - An object belongs to the library that made it. Another one, or another copy of this one in the
 *    same process, refuses it with EINVAL.
 */
#ifndef INFINIBAND_VERBS_H
#define INFINIBAND_VERBS_H

/* Programs count on these to come with the header. */
#include <errno.h>
#include <linux/types.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <infiniband/verbs/ah.h>
#include <infiniband/verbs/api.h>
#include <infiniband/verbs/async_event.h>
#include <infiniband/verbs/comp_channel.h>
#include <infiniband/verbs/context.h>
#include <infiniband/verbs/cq.h>
#include <infiniband/verbs/device.h>
#include <infiniband/verbs/device_ex.h>
#include <infiniband/verbs/fork.h>
#include <infiniband/verbs/gid.h>
#include <infiniband/verbs/last_error.h>
#include <infiniband/verbs/mr.h>
#include <infiniband/verbs/multicast.h>
#include <infiniband/verbs/mw.h>
#include <infiniband/verbs/pd.h>
#include <infiniband/verbs/pkey.h>
#include <infiniband/verbs/port.h>
#include <infiniband/verbs/qp.h>
#include <infiniband/verbs/rate.h>
#include <infiniband/verbs/srq.h>
#include <infiniband/verbs/types.h>
#include <infiniband/verbs/version.h>
#include <infiniband/verbs/wc.h>
#include <infiniband/verbs/wr.h>

#endif
