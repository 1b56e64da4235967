// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues with choices. Of their types only the basic one is there, which is what
// ibv_create_srq makes on any device.
#include "api/boundary.hpp"
#include "api/describe.hpp"
#include "caller.hpp"
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

// Without a type in the mask it reads as zero, which is the basic one.
Result<ibv_srq_init_attr_ex> checked(const ibv_context *context,
                                     const ibv_srq_init_attr_ex &asked) {
    if ((asked.comp_mask & ~exp::known_bits(kMembers)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    const auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    const bool has_type = (attr.comp_mask & IBV_SRQ_INIT_ATTR_TYPE) != 0;
    switch (has_type ? api::number_of(attr.srq_type) : IBV_SRQT_BASIC) {
    case IBV_SRQT_BASIC:
        break;
    case IBV_SRQT_XRC:
        return fail(EOPNOTSUPP, "no device has shared receive queues of the type XRC so far");
    case IBV_SRQT_TM:
        return fail(EOPNOTSUPP, "no device has shared receive queues that match tags so far");
    default:
        return fail(EINVAL, "there is no such type of shared receive queue");
    }
    if ((attr.comp_mask & ~kOfBasic) != 0)
        return fail(EINVAL, "a basic shared receive queue has no XRC domain, CQ or tags");
    if ((attr.comp_mask & IBV_SRQ_INIT_ATTR_PD) == 0 || attr.pd == nullptr)
        return fail(EINVAL, "a shared receive queue needs a protection domain");
    VERBS_CHECK(api::same_device(context, attr.pd, "pd"));
    return attr;
}

}  // namespace

ibv_srq *ibv_create_srq_ex(ibv_context *context, ibv_srq_init_attr_ex *srq_init_attr_ex) {
    return api::pointer([&]() -> Result<ibv_srq *> {
        VERBS_CHECK(api::required(srq_init_attr_ex, "srq_init_attr_ex"));
        const auto half = exp::Half::of(context);
        // A device without an experimental half has such queues as well.
        if (!half && half.error().code != EOPNOTSUPP) return Failure(half.error());
        VERBS_TRY(attr, checked(context, *srq_init_attr_ex));
        ibv_srq_init_attr plain{attr.srq_context, attr.attr};
        ibv_srq *const srq = ibv_create_srq(attr.pd, &plain);
        if (srq == nullptr) return fail(errno, verbs_last_error());
        srq_init_attr_ex->attr = plain.attr;
        return srq;
    });
}
