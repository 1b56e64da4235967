// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs.
#pragma once

#include "uverbs/context.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

#include <optional>

namespace verbs::uverbs {

struct QpRequest {
    std::uint64_t user_handle = 0;  // what events carry: the address of the ibv_qp
    ib_uverbs_qp_type type = IB_UVERBS_QPT_RC;
    std::optional<std::uint32_t> pd;
    std::optional<std::uint32_t> send_cq;
    std::optional<std::uint32_t> recv_cq;
    std::optional<std::uint32_t> srq;
    ib_uverbs_qp_cap cap{};
    bool sq_sig_all = false;
    // What extended QPs have.
    std::uint32_t flags = 0;  // enum ib_uverbs_qp_create_flags, without SQ_SIG_ALL
    std::optional<std::uint32_t> source_qpn;
    std::optional<std::uint32_t> xrcd;
    std::optional<std::uint32_t> ind_table;
};

struct Qp {
    std::uint32_t handle;
    std::uint32_t qp_num;
    ib_uverbs_qp_cap cap;  // as granted
};

[[nodiscard]] Result<Qp> create_qp(const Context &context, const QpRequest &request,
                                   const Udata &udata = {});
// A share in the receiving side of an XRC QP that somebody else made.
[[nodiscard]] Result<Qp> open_qp(const Context &context, std::uint32_t xrcd, std::uint32_t qp_num,
                                 ib_uverbs_qp_type type, std::uint64_t user_handle,
                                 const Udata &udata = {});

// The struct as the kernel has it, with handle and attr_mask set.
[[nodiscard]] Result<void> modify_qp(const Context &context, const ib_uverbs_modify_qp &change,
                                     const Udata &udata = {});
// The same with what only the extended command knows (rate_limit).
[[nodiscard]] Result<void>
modify_qp_ex(const Context &context, const ib_uverbs_ex_modify_qp &change, const Udata &udata = {});
// The state comes back in the kernel's struct, which ends in an array and so cannot be in a Result.
[[nodiscard]] Result<void> query_qp(const Context &context, std::uint32_t qp,
                                    std::uint32_t attr_mask, ib_uverbs_query_qp_resp &state);
// How many events of the QP the kernel has handed out.
[[nodiscard]] Result<std::uint32_t> destroy_qp(const Context &context, std::uint32_t qp);

// For the data path of drivers whose send queue the kernel empties: tells it to look. 0 or an errno
// value.
[[nodiscard]] int post_send_doorbell(const Context &context, std::uint32_t qp) noexcept;

}  // namespace verbs::uverbs
