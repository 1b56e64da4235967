// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How many completions, and how much time, one event of a CQ stands for.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_modify_cq(ibv_cq *cq, ibv_modify_cq_attr *attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(cq, "cq"));
        VERBS_TRY(half, exp::Half::of(cq->context));
        VERBS_CHECK(api::required(attr, "attr"));
        if ((attr->attr_mask & ~static_cast<std::uint32_t>(IBV_CQ_ATTR_MODERATE)) != 0)
            return fail(EOPNOTSUPP, "unknown bits in attr_mask");
        return half.call("modify_cq", &verbs_provider_exp_ops::modify_cq, cq, attr);
    });
}
