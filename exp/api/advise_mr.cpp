// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is going to be done with regions whose pages need not be in memory.
#include "api/boundary.hpp"
#include "core/number_of.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_advise_mr(ibv_pd *pd, ibv_advise_mr_advice advice, std::uint32_t flags, ibv_sge *sg_list,
                  std::uint32_t num_sge) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(pd, "pd"));
        VERBS_TRY(half, exp::Half::of(pd->context));
        VERBS_CHECK(api::required(sg_list, "sg_list"));
        if (const int kind = number_of(advice);
            kind < 0 || kind > IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT)
            return fail(EOPNOTSUPP, "there is no such advice");
        if (num_sge == 0) return fail(EINVAL, "there is no range");
        if ((flags & ~static_cast<std::uint32_t>(IBV_ADVISE_MR_FLAG_FLUSH)) != 0)
            return fail(EINVAL, "unknown flags");
        return half.call("advise_mr", &verbs_provider_exp_ops::advise_mr, pd, advice, flags,
                         sg_list, num_sge);
    });
}
