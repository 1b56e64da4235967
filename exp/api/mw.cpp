// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 2. Binding them and taking bindings back are send requests.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

// A device whose stable half makes windows of both types has no slot of its own for these.
Result<ibv_mw *> alloc_by_stable_half(ibv_pd *pd, ibv_mw_type type) {
    ibv_mw *const mw = (ibv_alloc_mw)(pd, type);
    if (mw == nullptr) return exp::left_behind();
    return mw;
}

}  // namespace

ibv_mw *verbs_exp_alloc_mw(ibv_pd *pd, ibv_mw_type type) {
    return api::pointer([&]() -> Result<ibv_mw *> {
        VERBS_CHECK(api::required(pd, "pd"));
        if (type != IBV_MW_TYPE_2) return alloc_by_stable_half(pd, type);
        const auto half = exp::Half::of(pd->context);
        if (!half && half.error().code != EOPNOTSUPP) return Failure(half.error());
        if (!half || !half->has(&verbs_provider_exp_ops::alloc_mw_type_2))
            return alloc_by_stable_half(pd, type);
        ibv_mw *mw = nullptr;
        VERBS_CHECK(
            half->call("alloc_mw_type_2", &verbs_provider_exp_ops::alloc_mw_type_2, pd, &mw));
        VERBS_CHECK(api::delivered(mw, "mw"));
        mw->context = pd->context;
        mw->pd = pd;
        mw->type = type;
        return mw;
    });
}
