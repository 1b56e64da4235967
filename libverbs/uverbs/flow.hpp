// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Flow steering rules.
#pragma once

#include "uverbs/context.hpp"

namespace verbs::uverbs {

struct FlowRequest {
    std::uint32_t qp = 0;
    std::uint32_t type = 0;  // enum ibv_flow_attr_type
    std::uint16_t priority = 0;
    std::uint8_t port = 1;
    std::uint32_t flags = 0;  // enum ibv_flow_flags
    // struct ib_uverbs_flow_spec_..., one behind the other, and how many of them.
    std::span<const std::byte> specs;
    std::uint8_t num_of_specs = 0;
};

// The handle.
[[nodiscard]] Result<std::uint32_t> create_flow(const Context &context, const FlowRequest &request,
                                                const Udata &udata = {});
[[nodiscard]] Result<void> destroy_flow(const Context &context, std::uint32_t flow);

}  // namespace verbs::uverbs
