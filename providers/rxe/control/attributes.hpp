// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From the structs of programs to those of the kernel's commands, and back.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_verbs.h>

#include <string>

namespace rxe {

[[nodiscard]] ibv_device_attr to_public(const ib_uverbs_query_device_resp &told);
[[nodiscard]] ibv_port_attr to_public(const ib_uverbs_query_port_resp_ex &told);

[[nodiscard]] ib_uverbs_ah_attr to_kernel(const ibv_ah_attr &attr);

// What `mask` (enum ibv_qp_attr_mask) names. The rate limit is not in this struct.
[[nodiscard]] ib_uverbs_modify_qp to_kernel(uint32_t handle, const ibv_qp_attr &attr, int mask);
// The whole state, but no rate limit.
void to_public(const ib_uverbs_query_qp_resp &told, ibv_qp_attr &attr, ibv_qp_init_attr &init_attr);

// The kernel says that something was wrong, not what: the error with what it was about.
[[nodiscard, gnu::cold]] verbs::Failure naming(verbs::Error error, const std::string &subject);
[[nodiscard]] const char *name_of(ibv_qp_state state);

[[nodiscard]] ib_uverbs_qp_cap to_kernel(const ibv_qp_cap &cap);
[[nodiscard]] ibv_qp_cap to_public(const ib_uverbs_qp_cap &cap);

}  // namespace rxe
