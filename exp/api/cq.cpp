// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues that are polled in steps.
#include "api/boundary.hpp"
#include "caller.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr exp::Member kMembers[] = {
    VERBS_EXP_MEMBER(ibv_cq_init_attr_ex, IBV_CQ_INIT_ATTR_MASK_FLAGS, flags),
    VERBS_EXP_MEMBER(ibv_cq_init_attr_ex, IBV_CQ_INIT_ATTR_MASK_PD, parent_domain),
};
constexpr std::size_t kFront = offsetof(ibv_cq_init_attr_ex, flags);

constexpr std::uint64_t kKnownFields = (IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK << 1) - 1;

Result<ibv_cq_init_attr_ex> checked(const ibv_context *context, const ibv_cq_init_attr_ex &asked) {
    if ((asked.comp_mask & ~exp::known_bits(kMembers)) != 0)
        return fail(EOPNOTSUPP, "unknown bits in comp_mask");
    const auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    if (attr.cqe == 0) return fail(EINVAL, "a CQ needs room for 1 entry at least");
    if (attr.comp_vector >= static_cast<std::uint32_t>(context->num_comp_vectors))
        return fail(EINVAL, "no such completion vector");
    if ((attr.wc_flags & ~kKnownFields) != 0) return fail(EOPNOTSUPP, "unknown bits in wc_flags");
    VERBS_CHECK(api::same_device(context, attr.channel, "channel"));
    VERBS_CHECK(api::same_device(context, attr.parent_domain, "parent_domain"));
    return attr;
}

}  // namespace

ibv_cq_ex *ibv_create_cq_ex(ibv_context *context, ibv_cq_init_attr_ex *cq_attr) {
    return api::pointer([&]() -> Result<ibv_cq_ex *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(cq_attr, "cq_attr"));
        VERBS_TRY(attr, checked(context, *cq_attr));
        ibv_cq_ex *cq = nullptr;
        VERBS_CHECK(half.call("create_cq_ex", &verbs_provider_exp_ops::create_cq_ex, &attr, &cq));
        VERBS_CHECK(api::delivered(cq, "cq"));
        VERBS_CHECK(exp::settled(
            exp::hooks()->adopt_cq(context, ibv_cq_ex_to_cq(cq), attr.channel, attr.cq_context)));
        return cq;
    });
}
