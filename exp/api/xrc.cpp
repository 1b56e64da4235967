// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XRC domains, opening a QP of one, and the number of a receive queue. Making such QPs and queues
// is in qp.cpp and srq.cpp.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr uint32_t kOfDomain = IBV_XRCD_INIT_ATTR_FD | IBV_XRCD_INIT_ATTR_OFLAGS;
constexpr uint32_t kOfOpening =
    IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE;

Result<void> check(const ibv_xrcd_init_attr &attr) {
    if ((attr.comp_mask & ~kOfDomain) != 0) return fail(EINVAL, "unknown bits in comp_mask");
    if (attr.comp_mask != kOfDomain) return fail(EINVAL, "an XRC domain needs fd and oflags");
    return {};
}

Result<void> check(const ibv_context *context, const ibv_qp_open_attr &attr) {
    if ((attr.comp_mask & ~(kOfOpening | IBV_QP_OPEN_ATTR_CONTEXT)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    if ((attr.comp_mask & kOfOpening) != kOfOpening || attr.xrcd == nullptr)
        return fail(EINVAL, "opening a QP needs its number, its XRC domain and its type");
    if (attr.qp_type != IBV_QPT_XRC_RECV)
        return fail(EINVAL, "only QPs of the type IBV_QPT_XRC_RECV can be opened");
    return api::same_device(context, attr.xrcd, "xrcd");
}

}  // namespace

ibv_xrcd *ibv_open_xrcd(ibv_context *context, ibv_xrcd_init_attr *xrcd_init_attr) {
    return api::pointer([&]() -> Result<ibv_xrcd *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(xrcd_init_attr, "xrcd_init_attr"));
        VERBS_CHECK(check(*xrcd_init_attr));
        ibv_xrcd *xrcd = nullptr;
        VERBS_CHECK(
            half.call("open_xrcd", &verbs_provider_exp_ops::open_xrcd, xrcd_init_attr, &xrcd));
        VERBS_CHECK(api::delivered(xrcd, "xrcd"));
        xrcd->context = context;
        return xrcd;
    });
}

int ibv_close_xrcd(ibv_xrcd *xrcd) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(xrcd, "xrcd"));
        VERBS_TRY(half, exp::Half::of(xrcd->context));
        return half.call("close_xrcd", &verbs_provider_exp_ops::close_xrcd, xrcd);
    });
}

ibv_qp *ibv_open_qp(ibv_context *context, ibv_qp_open_attr *qp_open_attr) {
    return api::pointer([&]() -> Result<ibv_qp *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(qp_open_attr, "qp_open_attr"));
        VERBS_CHECK(check(context, *qp_open_attr));
        ibv_qp *qp = nullptr;
        VERBS_CHECK(half.call("open_qp", &verbs_provider_exp_ops::open_qp, qp_open_attr, &qp));
        VERBS_CHECK(api::delivered(qp, "qp"));
        const bool has_context = (qp_open_attr->comp_mask & IBV_QP_OPEN_ATTR_CONTEXT) != 0;
        ibv_qp_init_attr front{};
        front.qp_context = has_context ? qp_open_attr->qp_context : nullptr;
        front.qp_type = IBV_QPT_XRC_RECV;
        VERBS_CHECK(exp::settled(exp::hooks()->adopt_qp(context, qp, nullptr, &front)));
        qp->state = IBV_QPS_UNKNOWN;  // whoever else has it open may change it at any time
        return qp;
    });
}

int ibv_get_srq_num(ibv_srq *srq, uint32_t *srq_num) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(srq, "srq"));
        VERBS_TRY(half, exp::Half::of(srq->context));
        VERBS_CHECK(api::required(srq_num, "srq_num"));
        return half.call("get_srq_num", &verbs_provider_exp_ops::get_srq_num, srq, srq_num);
    });
}
