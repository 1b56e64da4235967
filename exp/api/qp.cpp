// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs with more to ask for, and the way from one to its ibv_wr_* face.
#include "api/boundary.hpp"
#include "caller.hpp"
#include "half.hpp"

#include <verbs/plain_attr.hpp>

using namespace verbs;

namespace {

constexpr exp::Member kMembers[] = {
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_PD, pd),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_XRCD, xrcd),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_CREATE_FLAGS, create_flags),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_MAX_TSO_HEADER, max_tso_header),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_IND_TABLE, rwq_ind_tbl),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_RX_HASH, source_qpn),
    VERBS_EXP_MEMBER(ibv_qp_init_attr_ex, IBV_QP_INIT_ATTR_SEND_OPS_FLAGS, send_ops_flags),
};
constexpr std::uint32_t kInOrderFlags =
    IBV_QUERY_QP_DATA_IN_ORDER_RETURN_CAPS | IBV_QUERY_QP_DATA_IN_ORDER_DEVICE_ONLY;
constexpr std::size_t kFront =
    offsetof(ibv_qp_init_attr_ex, comp_mask) + sizeof(ibv_qp_init_attr_ex::comp_mask);

// What the mask does not name, and what queue pairs of the type do not have, may be anything in the
// program's attributes: it is not there.
void clear_what_does_not_count(ibv_qp_init_attr_ex &attr) noexcept {
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_PD) == 0) attr.pd = nullptr;
    if ((attr.comp_mask & IBV_QP_INIT_ATTR_XRCD) == 0) attr.xrcd = nullptr;
    if (attr.qp_type != IBV_QPT_XRC_SEND && attr.qp_type != IBV_QPT_XRC_RECV) return;
    attr.recv_cq = nullptr;
    attr.srq = nullptr;
    if (attr.qp_type == IBV_QPT_XRC_SEND) return;
    attr.send_cq = nullptr;
    attr.pd = nullptr;
}

Result<ibv_qp_init_attr_ex> checked(const ibv_context *context, const ibv_qp_init_attr_ex &asked) {
    if ((asked.comp_mask & ~exp::known_bits(kMembers)) != 0)
        return fail(EOPNOTSUPP, "unknown bits in comp_mask");
    auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    clear_what_does_not_count(attr);
    VERBS_CHECK(api::same_device(context, attr.pd, "pd"));
    VERBS_CHECK(api::same_device(context, attr.xrcd, "xrcd"));
    VERBS_CHECK(api::same_device(context, attr.send_cq, "send_cq"));
    VERBS_CHECK(api::same_device(context, attr.recv_cq, "recv_cq"));
    VERBS_CHECK(api::same_device(context, attr.srq, "srq"));
    return attr;
}

Result<ibv_qp *> create(const exp::Half &half, ibv_qp_init_attr_ex &attr) {
    ibv_qp *qp = nullptr;
    VERBS_CHECK(half.call("create_qp_ex", &verbs_provider_exp_ops::create_qp_ex, &attr, &qp));
    VERBS_CHECK(api::delivered(qp, "qp"));
    const ibv_qp_init_attr front = provider::plain(attr);
    VERBS_CHECK(exp::settled(exp::hooks()->adopt_qp(half.context(), qp, attr.pd, &front)));
    return qp;
}

// What a device without extended QPs does as well as another.
Result<ibv_qp *> create_plain(ibv_qp_init_attr_ex &attr) {
    ibv_qp_init_attr front = provider::plain(attr);
    ibv_qp *const qp = ibv_create_qp(attr.pd, &front);
    if (qp == nullptr) return exp::left_behind();
    attr.cap = front.cap;
    return qp;
}

}  // namespace

ibv_qp *ibv_create_qp_ex(ibv_context *context, ibv_qp_init_attr_ex *qp_attr) {
    return api::pointer([&]() -> Result<ibv_qp *> {
        VERBS_CHECK(api::required(qp_attr, "qp_attr"));
        const auto half = exp::Half::of(context);
        const bool is_plain =
            qp_attr->comp_mask == IBV_QP_INIT_ATTR_PD && qp_attr->qp_type != IBV_QPT_XRC_RECV;
        if (!half && !(is_plain && half.error().code == EOPNOTSUPP)) return Failure(half.error());
        VERBS_TRY(attr, checked(context, *qp_attr));
        VERBS_TRY(qp, is_plain ? create_plain(attr) : create(*half, attr));
        qp_attr->cap = attr.cap;
        return qp;
    });
}

ibv_qp_ex *ibv_qp_to_qp_ex(ibv_qp *qp) {
    return api::value_or<ibv_qp_ex *>(nullptr, [&]() -> Result<ibv_qp_ex *> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        const auto find = half.slot_of(&verbs_provider_exp_ops::qp_to_qp_ex);
        ibv_qp_ex *const found = find != nullptr ? find(qp) : nullptr;
        if (found == nullptr) return fail(EINVAL, "the QP was not made for the ibv_wr_ calls");
        return found;
    });
}

// 0 is an answer, not a success: what a device that does not say promises.
int ibv_query_qp_data_in_order(ibv_qp *qp, ibv_wr_opcode op, std::uint32_t flags) {
    return api::value_or(0, [&]() -> Result<int> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        if ((flags & ~kInOrderFlags) != 0) return fail(EINVAL, "unknown flags");
        const auto query = half.slot_of(&verbs_provider_exp_ops::query_qp_data_in_order);
        return query != nullptr ? query(qp, op, flags) : 0;
    });
}
