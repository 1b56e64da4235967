// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

struct CqRequest {
    std::uint64_t user_handle = 0;  // what events carry: the address of the ibv_cq
    std::uint32_t cqe = 0;
    int channel_fd = -1;  // -1: none
    std::uint32_t comp_vector = 0;
    std::uint32_t flags = 0;  // enum ib_uverbs_ex_create_cq_flags
};

struct Cq {
    std::uint32_t handle;
    std::uint32_t cqe;  // at least as many as were asked for
};

// How many events of the CQ the kernel has handed out. It gives out no more of them.
struct CqEventsReported {
    std::uint32_t completion;
    std::uint32_t async;
};

[[nodiscard]] Result<Cq> create_cq(const Context &context, const CqRequest &request,
                                   const Udata &udata = {});
// The entries that there are now.
[[nodiscard]] Result<std::uint32_t> resize_cq(const Context &context, std::uint32_t cq,
                                              std::uint32_t cqe, const Udata &udata = {});
// Moderation: an event after `count` completions or `period_us` microseconds.
[[nodiscard]] Result<void> modify_cq(const Context &context, std::uint32_t cq, std::uint16_t count,
                                     std::uint16_t period_us);
[[nodiscard]] Result<CqEventsReported> destroy_cq(const Context &context, std::uint32_t cq);

// For the data path of drivers whose CQs the kernel arms. 0 or an errno value.
[[nodiscard]] int req_notify_cq(const Context &context, std::uint32_t cq,
                                bool solicited_only) noexcept;

}  // namespace verbs::uverbs
