// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Options of a vendor that both ends of a connection may know.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_query_ece(ibv_qp *qp, ibv_ece *ece) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        VERBS_CHECK(api::required(ece, "ece"));
        ibv_ece known{};
        VERBS_CHECK(half.call("query_ece", &verbs_provider_exp_ops::query_ece, qp, &known));
        *ece = known;
        return {};
    });
}

int ibv_set_ece(ibv_qp *qp, ibv_ece *ece) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        VERBS_CHECK(api::required(ece, "ece"));
        if (ece->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        // What a peer without such options sends.
        if (ece->vendor_id == 0) return fail(EOPNOTSUPP, "the options are of no vendor");
        return half.call("set_ece", &verbs_provider_exp_ops::set_ece, qp, ece);
    });
}
