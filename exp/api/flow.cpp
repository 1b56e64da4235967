// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Flow rules, and the actions that they may take.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

ibv_flow *ibv_create_flow(ibv_qp *qp, ibv_flow_attr *flow_attr) {
    return api::pointer([&]() -> Result<ibv_flow *> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        VERBS_CHECK(api::required(flow_attr, "flow"));
        if (flow_attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        if (flow_attr->size < sizeof *flow_attr)
            return fail(EINVAL, "the size does not even hold the head of the rule");
        ibv_flow *flow = nullptr;
        VERBS_CHECK(
            half.call("create_flow", &verbs_provider_exp_ops::create_flow, qp, flow_attr, &flow));
        VERBS_CHECK(api::delivered(flow, "flow"));
        flow->context = qp->context;
        return flow;
    });
}

int ibv_destroy_flow(ibv_flow *flow_id) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(flow_id, "flow_id"));
        VERBS_TRY(half, exp::Half::of(flow_id->context));
        return half.call("destroy_flow", &verbs_provider_exp_ops::destroy_flow, flow_id);
    });
}

namespace {

Result<void> check_action(const ibv_flow_action_esp_attr *esp) {
    VERBS_CHECK(api::required(esp, "esp"));
    if ((esp->comp_mask & ~static_cast<std::uint32_t>(IBV_FLOW_ACTION_ESP_MASK_ESN)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    return {};
}

}  // namespace

ibv_flow_action *ibv_create_flow_action_esp(ibv_context *ctx, ibv_flow_action_esp_attr *esp) {
    return api::pointer([&]() -> Result<ibv_flow_action *> {
        VERBS_TRY(half, exp::Half::of(ctx));
        VERBS_CHECK(check_action(esp));
        ibv_flow_action *action = nullptr;
        VERBS_CHECK(half.call("create_flow_action_esp",
                              &verbs_provider_exp_ops::create_flow_action_esp, esp, &action));
        VERBS_CHECK(api::delivered(action, "action"));
        action->context = ctx;
        return action;
    });
}

int ibv_modify_flow_action_esp(ibv_flow_action *action, ibv_flow_action_esp_attr *esp) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(action, "action"));
        VERBS_TRY(half, exp::Half::of(action->context));
        VERBS_CHECK(check_action(esp));
        return half.call("modify_flow_action_esp", &verbs_provider_exp_ops::modify_flow_action_esp,
                         action, esp);
    });
}

int ibv_destroy_flow_action(ibv_flow_action *action) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(action, "action"));
        VERBS_TRY(half, exp::Half::of(action->context));
        return half.call("destroy_flow_action", &verbs_provider_exp_ops::destroy_flow_action,
                         action);
    });
}
