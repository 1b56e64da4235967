// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Changing the tagged buffers of a shared receive queue. The queue itself is made in srq.cpp.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

// The provider tells the number alone, as those who post do.
Failure refusal(int code) {
    if (code == ENOMEM)
        return fail(code, "there is no room for another tagged buffer, or for an operation");
    return fail(code, "the queue does not match tags, or an operation is not one that it can do");
}

}  // namespace

int ibv_post_srq_ops(ibv_srq *srq, ibv_ops_wr *op, ibv_ops_wr **bad_op) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(srq, "srq"));
        VERBS_CHECK(api::required(op, "op"));
        VERBS_CHECK(api::required(bad_op, "bad_op"));
        VERBS_TRY(half, exp::Half::of(srq->context));
        const auto post = half.slot_of(&verbs_provider_exp_ops::post_srq_ops);
        if (post == nullptr) {
            *bad_op = op;
            return half.lacks("post_srq_ops");
        }
        const int code = post(srq, op, bad_op);
        if (code != 0) return refusal(code);
        return {};
    });
}
