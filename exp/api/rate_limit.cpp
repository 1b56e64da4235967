// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How fast a queue pair may send.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_modify_qp_rate_limit(ibv_qp *qp, ibv_qp_rate_limit_attr *attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        VERBS_CHECK(api::required(attr, "attr"));
        if (attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        return half.call("modify_qp_rate_limit", &verbs_provider_exp_ops::modify_qp_rate_limit, qp,
                         attr);
    });
}
