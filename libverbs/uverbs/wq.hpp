// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Work queues, and the tables of them that receiving is spread over.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

struct WqRequest {
    std::uint64_t user_handle = 0;  // what events carry: the address of the ibv_wq
    std::uint32_t type = 0;         // enum ib_uverbs_wq_type
    std::uint32_t pd = 0;
    std::uint32_t cq = 0;
    std::uint32_t max_wr = 0;
    std::uint32_t max_sge = 0;
    std::uint32_t flags = 0;  // enum ib_uverbs_wq_flags
};

struct Wq {
    std::uint32_t handle;
    std::uint32_t wq_num;
    std::uint32_t max_wr;
    std::uint32_t max_sge;
};

[[nodiscard]] Result<Wq> create_wq(const Context &context, const WqRequest &request,
                                   const Udata &udata = {});
// The struct as the kernel has it, with wq_handle and attr_mask set.
[[nodiscard]] Result<void> modify_wq(const Context &context, const ib_uverbs_ex_modify_wq &change,
                                     const Udata &udata = {});
// How many events of the WQ the kernel has handed out.
[[nodiscard]] Result<std::uint32_t> destroy_wq(const Context &context, std::uint32_t wq);

struct IndTable {
    std::uint32_t handle;
    std::uint32_t number;
};

// As many queues as a power of two, 64 at most.
[[nodiscard]] Result<IndTable> create_rwq_ind_table(const Context &context,
                                                    std::span<const std::uint32_t> wqs,
                                                    const Udata &udata = {});
[[nodiscard]] Result<void> destroy_rwq_ind_table(const Context &context, std::uint32_t table);

}  // namespace verbs::uverbs
