// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/flow.hpp"

#include "uverbs/fake_kernel.hpp"

#include <vector>

namespace verbs::test {
namespace {

// A rule with one specification, as one piece.
struct RuleOfOne {
    std::uint32_t comp_mask;
    std::uint32_t qp_handle;
    struct {
        std::uint32_t type;
        std::uint16_t size;
        std::uint16_t priority;
        std::uint8_t num_of_specs;
        std::uint8_t reserved[2];
        std::uint8_t port;
        std::uint32_t flags;
    } attr;
    std::byte eth[sizeof(ib_uverbs_flow_spec_eth)];
};

using Flow = EveryAge;

TEST_P(Flow, IsCreatedFromItsSpecifications) {
    const auto context = kernel_.context();
    ib_uverbs_flow_spec_eth eth{};
    eth.type = 0x20;
    eth.size = sizeof eth;
    eth.val.dst_mac[0] = 0x11;
    kernel_.on_command<RuleOfOne, ib_uverbs_create_flow_resp>(
        IB_USER_VERBS_EX_CMD_CREATE_FLOW | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [&](const auto &request, auto &response, auto &) {
            EXPECT_EQ(request.qp_handle, 9u);
            EXPECT_EQ(request.attr.size, sizeof eth);
            EXPECT_EQ(request.attr.num_of_specs, 1);
            EXPECT_EQ(request.attr.priority, 3);
            EXPECT_EQ(request.attr.port, 2);
            EXPECT_EQ(std::memcmp(request.eth, &eth, sizeof eth), 0);
            response.flow_handle = 60;
            return 0;
        });
    uverbs::FlowRequest request;
    request.qp = 9;
    request.priority = 3;
    request.port = 2;
    request.specs = std::as_bytes(std::span(&eth, 1));
    request.num_of_specs = 1;
    const auto flow = uverbs::create_flow(context, request);
    ASSERT_TRUE(flow) << flow.error().phrase;
    EXPECT_EQ(*flow, 60u);

    std::int64_t destroyed = 0;
    kernel_.on_method(UVERBS_OBJECT_FLOW, UVERBS_METHOD_FLOW_DESTROY, [&](MethodCall &call) {
        destroyed = call.object(UVERBS_ATTR_DESTROY_FLOW_HANDLE);
        return 0;
    });
    kernel_.on_command<ib_uverbs_destroy_flow, NoAnswer>(IB_USER_VERBS_EX_CMD_DESTROY_FLOW |
                                                             IB_USER_VERBS_CMD_FLAG_EXTENDED,
                                                         [&](const auto &sent, auto &, auto &) {
                                                             destroyed = sent.flow_handle;
                                                             return 0;
                                                         });
    EXPECT_TRUE(uverbs::destroy_flow(context, 60));
    EXPECT_EQ(destroyed, 60);
}

UVERBS_EVERY_AGE(Flow);

TEST(LongFlow, IsRefused) {
    FakeKernel kernel;
    const auto context = kernel.context();
    const std::vector<std::byte> specs(1000);
    uverbs::FlowRequest request;
    request.specs = specs;
    EXPECT_EQ(uverbs::create_flow(context, request).error().code, E2BIG);
}

}  // namespace
}  // namespace verbs::test
