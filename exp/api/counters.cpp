// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sets of counters that flow rules add to.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

ibv_counters *ibv_create_counters(ibv_context *context, ibv_counters_init_attr *init_attr) {
    return api::pointer([&]() -> Result<ibv_counters *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(init_attr, "init_attr"));
        if (init_attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        ibv_counters *counters = nullptr;
        VERBS_CHECK(half.call("create_counters", &verbs_provider_exp_ops::create_counters,
                              init_attr, &counters));
        VERBS_CHECK(api::delivered(counters, "counters"));
        counters->context = context;
        return counters;
    });
}

int ibv_destroy_counters(ibv_counters *counters) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(counters, "counters"));
        VERBS_TRY(half, exp::Half::of(counters->context));
        return half.call("destroy_counters", &verbs_provider_exp_ops::destroy_counters, counters);
    });
}

int ibv_attach_counters_point_flow(ibv_counters *counters, ibv_counter_attach_attr *attr,
                                   ibv_flow *flow) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(counters, "counters"));
        VERBS_TRY(half, exp::Half::of(counters->context));
        VERBS_CHECK(api::required(attr, "attr"));
        if (attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        VERBS_CHECK(api::same_device(counters->context, flow, "flow"));
        return half.call("attach_counters_point_flow",
                         &verbs_provider_exp_ops::attach_counters_point_flow, counters, attr, flow);
    });
}

int ibv_read_counters(ibv_counters *counters, std::uint64_t *counters_value,
                      std::uint32_t ncounters, std::uint32_t flags) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(counters, "counters"));
        VERBS_TRY(half, exp::Half::of(counters->context));
        VERBS_CHECK(api::required(counters_value, "counters_value"));
        if ((flags & ~static_cast<std::uint32_t>(IBV_READ_COUNTERS_ATTR_PREFER_CACHED)) != 0)
            return fail(EINVAL, "unknown flags");
        return half.call("read_counters", &verbs_provider_exp_ops::read_counters, counters,
                         counters_value, ncounters, flags);
    });
}
