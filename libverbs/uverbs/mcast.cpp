// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mcast.hpp"

#include "uverbs/failure.hpp"

#include <cstring>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_attach_mcast) == 24);
static_assert(sizeof(ib_uverbs_detach_mcast) == 24);

namespace {

template <class Request>
Request about(std::uint32_t qp, std::span<const std::uint8_t, 16> gid, std::uint16_t lid) noexcept {
    Request request{};
    std::memcpy(request.gid, gid.data(), gid.size());
    request.qp_handle = qp;
    request.mlid = lid;
    return request;
}

}  // namespace

Result<void> attach_mcast(const Context &context, std::uint32_t qp,
                          std::span<const std::uint8_t, 16> gid, std::uint16_t lid) {
    const auto request = about<ib_uverbs_attach_mcast>(qp, gid, lid);
    return context.run("attach_mcast", write_command(IB_USER_VERBS_CMD_ATTACH_MCAST, request));
}

// Of a removed device no QP is in any group.
Result<void> detach_mcast(const Context &context, std::uint32_t qp,
                          std::span<const std::uint8_t, 16> gid, std::uint16_t lid) {
    const auto request = about<ib_uverbs_detach_mcast>(qp, gid, lid);
    const int code = context.run_quietly(write_command(IB_USER_VERBS_CMD_DETACH_MCAST, request));
    if (code != 0 && !is_destroyed(code)) return refused("detach_mcast", code);
    return {};
}

}  // namespace verbs::uverbs
