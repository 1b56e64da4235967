// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues with choices. Those of the basic type are what ibv_create_srq makes, on any
// device; the others are the experimental half's.
#include "api/boundary.hpp"
#include "caller.hpp"
#include "core/number_of.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr exp::Member kMembers[] = {
    VERBS_EXP_MEMBER(ibv_srq_init_attr_ex, IBV_SRQ_INIT_ATTR_TYPE, srq_type),
    VERBS_EXP_MEMBER(ibv_srq_init_attr_ex, IBV_SRQ_INIT_ATTR_PD, pd),
    VERBS_EXP_MEMBER(ibv_srq_init_attr_ex, IBV_SRQ_INIT_ATTR_XRCD, xrcd),
    VERBS_EXP_MEMBER(ibv_srq_init_attr_ex, IBV_SRQ_INIT_ATTR_CQ, cq),
    VERBS_EXP_MEMBER(ibv_srq_init_attr_ex, IBV_SRQ_INIT_ATTR_TM, tm_cap),
};
constexpr std::size_t kFront =
    offsetof(ibv_srq_init_attr_ex, comp_mask) + sizeof(ibv_srq_init_attr_ex::comp_mask);
constexpr std::uint32_t kOfBasic = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD;
#ifdef VERBS_HAVE_XRC
constexpr std::uint32_t kOfXrc = kOfBasic | IBV_SRQ_INIT_ATTR_XRCD | IBV_SRQ_INIT_ATTR_CQ;

Result<void> check_xrc(const ibv_context *context, const ibv_srq_init_attr_ex &attr) {
    if ((attr.comp_mask & ~kOfXrc) != 0)
        return fail(EINVAL, "a shared receive queue of the type XRC has no tags");
    if (attr.comp_mask != kOfXrc || attr.xrcd == nullptr || attr.cq == nullptr)
        return fail(EINVAL, "a shared receive queue of the type XRC needs an XRC domain and a CQ");
    VERBS_CHECK(api::same_device(context, attr.xrcd, "xrcd"));
    return api::same_device(context, attr.cq, "cq");
}
#endif

#ifdef VERBS_HAVE_TAG_MATCHING
constexpr std::uint32_t kOfTm = kOfBasic | IBV_SRQ_INIT_ATTR_CQ | IBV_SRQ_INIT_ATTR_TM;

Result<void> check_tm(const ibv_context *context, const ibv_srq_init_attr_ex &attr) {
    if ((attr.comp_mask & ~kOfTm) != 0)
        return fail(EINVAL, "a shared receive queue of the type TM has no XRC domain");
    if (attr.comp_mask != kOfTm || attr.cq == nullptr)
        return fail(EINVAL, "a shared receive queue of the type TM needs a CQ and tm_cap");
    return api::same_device(context, attr.cq, "cq");
}
#endif

bool is_basic(const ibv_srq_init_attr_ex &attr) noexcept {
    return number_of(attr.srq_type) == IBV_SRQT_BASIC;
}

// Without a type in the mask it reads as zero, which is the basic one.
Result<ibv_srq_init_attr_ex> checked(const ibv_context *context,
                                     const ibv_srq_init_attr_ex &asked) {
    if ((asked.comp_mask & ~exp::known_bits(kMembers)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    // It stands before members that may count without it.
    if ((attr.comp_mask & IBV_SRQ_INIT_ATTR_TYPE) == 0) attr.srq_type = IBV_SRQT_BASIC;
    switch (number_of(attr.srq_type)) {
    case IBV_SRQT_BASIC:
        if ((attr.comp_mask & ~kOfBasic) != 0)
            return fail(EINVAL, "a basic shared receive queue has no XRC domain, CQ or tags");
        break;
    case IBV_SRQT_XRC:
#ifdef VERBS_HAVE_XRC
        VERBS_CHECK(check_xrc(context, attr));
        break;
#else
        return fail(EOPNOTSUPP, "this library was built without XRC");
#endif
    case IBV_SRQT_TM:
#ifdef VERBS_HAVE_TAG_MATCHING
        VERBS_CHECK(check_tm(context, attr));
        break;
#else
        return fail(EOPNOTSUPP, "this library was built without tag matching");
#endif
    default:
        return fail(EINVAL, "there is no such type of shared receive queue");
    }
    if ((attr.comp_mask & IBV_SRQ_INIT_ATTR_PD) == 0 || attr.pd == nullptr)
        return fail(EINVAL, "a shared receive queue needs a protection domain");
    VERBS_CHECK(api::same_device(context, attr.pd, "pd"));
    return attr;
}

Result<ibv_srq *> create_basic(ibv_srq_init_attr_ex &attr) {
    ibv_srq_init_attr plain{attr.srq_context, attr.attr};
    ibv_srq *const srq = ibv_create_srq(attr.pd, &plain);
    if (srq == nullptr) return exp::left_behind();
    attr.attr = plain.attr;
    return srq;
}

Result<ibv_srq *> create(const exp::Half &half, ibv_srq_init_attr_ex &attr) {
    ibv_srq *srq = nullptr;
    VERBS_CHECK(half.call("create_srq_ex", &verbs_provider_exp_ops::create_srq_ex, &attr, &srq));
    VERBS_CHECK(api::delivered(srq, "srq"));
    VERBS_CHECK(
        exp::settled(exp::hooks()->adopt_srq(half.context(), srq, attr.pd, attr.srq_context)));
    return srq;
}

}  // namespace

ibv_srq *ibv_create_srq_ex(ibv_context *context, ibv_srq_init_attr_ex *srq_init_attr_ex) {
    return api::pointer([&]() -> Result<ibv_srq *> {
        VERBS_CHECK(api::required(srq_init_attr_ex, "srq_init_attr_ex"));
        const auto half = exp::Half::of(context);
        // A device without an experimental half has basic queues as well.
        if (!half && half.error().code != EOPNOTSUPP) return Failure(half.error());
        VERBS_TRY(attr, checked(context, *srq_init_attr_ex));
        if (!half && !is_basic(attr)) return Failure(half.error());
        VERBS_TRY(srq, is_basic(attr) ? create_basic(attr) : create(*half, attr));
        srq_init_attr_ex->attr = attr.attr;
        return srq;
    });
}
