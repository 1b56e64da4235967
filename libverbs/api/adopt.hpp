// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Adopting an object that a provider has made: what the library sets in its public part, and its
// account of events. For the verbs of this library and, through the hooks, for experimental ones.
#pragma once

#include "device/context.hpp"

namespace verbs::api {

void adopt(device::Context &context, ibv_cq &cq, ibv_comp_channel *channel, void *cq_context);

// `pd` may be missing where the type of queue pair has none.
void adopt(device::Context &context, ibv_qp &qp, ibv_pd *pd, const ibv_qp_init_attr &attr);

void adopt(device::Context &context, ibv_srq &srq, ibv_pd *pd, void *srq_context);

}  // namespace verbs::api
