// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/flow.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

#include <cstring>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_create_flow) == 24);
static_assert(offsetof(ib_uverbs_create_flow, flow_attr.flow_specs) == 24);
static_assert(sizeof(ib_uverbs_create_flow_resp) == 8);
static_assert(sizeof(ib_uverbs_destroy_flow) == 8);

namespace {

// Ten specifications, as many as the kernel takes, of the longest kind (IPv6).
constexpr std::size_t kSpecRoom = 10 * sizeof(ib_uverbs_flow_spec_ipv6);

}  // namespace

Result<std::uint32_t> create_flow(const Context &context, const FlowRequest &request,
                                  const Udata &udata) {
    constexpr const char *kVerb = "create_flow";
    const auto specs = request.specs;
    if (specs.size() > kSpecRoom) return refused(kVerb, E2BIG);
    // Not by an initialiser: to clang one names the empty array at the end, which is no C++.
    ib_uverbs_create_flow fixed;
    std::memset(&fixed, 0, sizeof fixed);
    fixed.qp_handle = request.qp;
    fixed.flow_attr.type = request.type;
    fixed.flow_attr.size = static_cast<std::uint16_t>(specs.size());
    fixed.flow_attr.priority = request.priority;
    fixed.flow_attr.num_of_specs = request.num_of_specs;
    fixed.flow_attr.port = request.port;
    fixed.flow_attr.flags = request.flags;
    alignas(8) std::byte bytes[sizeof fixed + kSpecRoom];
    std::memcpy(bytes, &fixed, sizeof fixed);
    if (!specs.empty()) std::memcpy(bytes + sizeof fixed, specs.data(), specs.size());
    ib_uverbs_create_flow_resp response{};
    WriteCommand command;
    command.number = IB_USER_VERBS_EX_CMD_CREATE_FLOW | IB_USER_VERBS_CMD_FLAG_EXTENDED;
    command.request = {bytes, sizeof fixed + specs.size()};
    command.response = detail::writable_bytes_of(response);
    command.udata = udata;
    VERBS_CHECK(create(context, kVerb, response.flow_handle, command));
    return response.flow_handle;
}

Result<void> destroy_flow(const Context &context, std::uint32_t flow) {
    ib_uverbs_destroy_flow request{};
    request.flow_handle = flow;
    return destroy(
        context, "destroy_flow",
        {UVERBS_OBJECT_FLOW, UVERBS_METHOD_FLOW_DESTROY, UVERBS_ATTR_DESTROY_FLOW_HANDLE}, flow,
        IB_USER_VERBS_CMD_FLAG_EXTENDED | IB_USER_VERBS_EX_CMD_DESTROY_FLOW, request);
}

}  // namespace verbs::uverbs
