// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory regions of another kind than ibv_reg_mr makes.
#include "api/boundary.hpp"
#include "api/region.hpp"
#include "half.hpp"

using namespace verbs;

ibv_mr *ibv_alloc_null_mr(ibv_pd *pd) {
    return api::pointer([&]() -> Result<ibv_mr *> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_TRY(half, exp::Half::of(pd->context));
        ibv_mr *mr = nullptr;
        VERBS_CHECK(half.call("alloc_null_mr", &verbs_provider_exp_ops::alloc_null_mr, pd, &mr));
        VERBS_CHECK(api::delivered(mr, "mr"));
        api::adopt(*mr, pd, nullptr, SIZE_MAX);
        return mr;
    });
}
