// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Values of a device that change while it runs: its clock.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_query_rt_values_ex(ibv_context *context, ibv_values_ex *values) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(values, "values"));
        ibv_values_ex known = *values;
        VERBS_CHECK(
            half.call("query_rt_values_ex", &verbs_provider_exp_ops::query_rt_values_ex, &known));
        *values = known;
        return {};
    });
}
