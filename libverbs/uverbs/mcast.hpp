// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Multicast groups of a QP.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

[[nodiscard]] Result<void> attach_mcast(const Context &context, std::uint32_t qp,
                                        std::span<const std::uint8_t, 16> gid, std::uint16_t lid);
[[nodiscard]] Result<void> detach_mcast(const Context &context, std::uint32_t qp,
                                        std::span<const std::uint8_t, 16> gid, std::uint16_t lid);

}  // namespace verbs::uverbs
