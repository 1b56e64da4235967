// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Thread domains and parent domains.
#include "api/boundary.hpp"
#include "caller.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr exp::Member kMembers[] = {
    VERBS_EXP_MEMBER(ibv_parent_domain_init_attr, IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS, free),
    VERBS_EXP_MEMBER(ibv_parent_domain_init_attr, IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT,
                     pd_context),
};
// What the provider may do, which is no member.
constexpr std::uint32_t kPermissions = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOW_CC_UNPROTECTED_ALLOC;
constexpr std::size_t kFront = offsetof(ibv_parent_domain_init_attr, comp_mask) +
                               sizeof(ibv_parent_domain_init_attr::comp_mask);

Result<ibv_parent_domain_init_attr> checked(const ibv_context *context,
                                            const ibv_parent_domain_init_attr &asked) {
    if ((asked.comp_mask & ~(exp::known_bits(kMembers) | kPermissions)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    if (attr.pd == nullptr) return fail(EINVAL, "a parent domain needs a protection domain");
    VERBS_CHECK(api::same_device(context, attr.pd, "pd"));
    VERBS_CHECK(api::same_device(context, attr.td, "td"));
    if ((attr.comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS) == 0) {
        attr.alloc = nullptr;  // they stand before pd_context, and may be there without counting
        attr.free = nullptr;
    } else if (attr.alloc == nullptr || attr.free == nullptr) {
        return fail(EINVAL, "alloc and free are needed both");
    }
    return attr;
}

}  // namespace

ibv_td *ibv_alloc_td(ibv_context *context, ibv_td_init_attr *init_attr) {
    return api::pointer([&]() -> Result<ibv_td *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(init_attr, "init_attr"));
        if (init_attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        ibv_td *td = nullptr;
        VERBS_CHECK(half.call("alloc_td", &verbs_provider_exp_ops::alloc_td, init_attr, &td));
        VERBS_CHECK(api::delivered(td, "td"));
        td->context = context;
        return td;
    });
}

int ibv_dealloc_td(ibv_td *td) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(td, "td"));
        VERBS_TRY(half, exp::Half::of(td->context));
        return half.call("dealloc_td", &verbs_provider_exp_ops::dealloc_td, td);
    });
}

ibv_pd *ibv_alloc_parent_domain(ibv_context *context, ibv_parent_domain_init_attr *attr) {
    return api::pointer([&]() -> Result<ibv_pd *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(attr, "attr"));
        VERBS_TRY(known, checked(context, *attr));
        ibv_pd *pd = nullptr;
        VERBS_CHECK(half.call("alloc_parent_domain", &verbs_provider_exp_ops::alloc_parent_domain,
                              &known, &pd));
        VERBS_CHECK(api::delivered(pd, "pd"));
        pd->context = context;
        return pd;
    });
}
