// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues.
#pragma once

#include "uverbs/context.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

#include <optional>

namespace verbs::uverbs {

struct SrqRequest {
    std::uint64_t user_handle = 0;  // what events carry: the address of the ibv_srq
    std::uint32_t pd = 0;
    std::uint32_t max_wr = 0;
    std::uint32_t max_sge = 0;
    std::uint32_t limit = 0;
    // What extended SRQs have.
    ib_uverbs_srq_type type = IB_UVERBS_SRQT_BASIC;
    std::optional<std::uint32_t> xrcd;
    std::optional<std::uint32_t> cq;
    std::uint32_t max_num_tags = 0;
};

struct Srq {
    std::uint32_t handle;
    std::uint32_t max_wr;
    std::uint32_t max_sge;
    std::uint32_t srq_num;  // of XRC; 0 otherwise
};

[[nodiscard]] Result<Srq> create_srq(const Context &context, const SrqRequest &request,
                                     const Udata &udata = {});
// `mask` is enum ibv_srq_attr_mask: 1 max_wr, 2 limit.
[[nodiscard]] Result<void> modify_srq(const Context &context, std::uint32_t srq, std::uint32_t mask,
                                      std::uint32_t max_wr, std::uint32_t limit,
                                      const Udata &udata = {});
[[nodiscard]] Result<ib_uverbs_query_srq_resp> query_srq(const Context &context, std::uint32_t srq);
// How many events of the SRQ the kernel has handed out.
[[nodiscard]] Result<std::uint32_t> destroy_srq(const Context &context, std::uint32_t srq);

}  // namespace verbs::uverbs
