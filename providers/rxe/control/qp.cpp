// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs.
#include "uverbs/qp.hpp"

#include "control/attributes.hpp"
#include "control/device.hpp"
#include "uverbs/port.hpp"

#include <string>

namespace rxe {

using verbs::Mapping;
using verbs::provider::Host;

namespace {

Result<void> judge(const ibv_qp_init_attr &attr) {
    if (attr.qp_type != IBV_QPT_RC && attr.qp_type != IBV_QPT_UC && attr.qp_type != IBV_QPT_UD)
        return verbs::fail(EOPNOTSUPP, "rdma_rxe has queue pairs of types RC, UC and UD only");
    if (attr.send_cq == nullptr || attr.recv_cq == nullptr)
        return verbs::fail(EINVAL, "a queue pair needs a CQ for sends and one for receives");
    return {};
}

verbs::uverbs::QpRequest request_of(const ibv_pd &pd, const ibv_qp_init_attr &attr,
                                    const ibv_qp &qp) {
    verbs::uverbs::QpRequest request;
    request.user_handle = reinterpret_cast<uintptr_t>(&qp);
    request.type = static_cast<ib_uverbs_qp_type>(attr.qp_type);
    request.pd = pd.handle;
    request.send_cq = attr.send_cq->handle;
    request.recv_cq = attr.recv_cq->handle;
    if (attr.srq != nullptr) request.srq = attr.srq->handle;
    request.cap = to_kernel(attr.cap);
    request.sq_sig_all = attr.sq_sig_all != 0;
    return request;
}

[[gnu::cold, gnu::noinline]] std::string change_of(const ibv_qp &qp, const ibv_qp_attr &attr,
                                                   int mask) {
    const std::string from = name_of(qp.state);
    if ((mask & IBV_QP_STATE) == 0) return "in state " + from;
    return "from " + from + " to " + name_of(attr.qp_state);
}

// The kernel leaves in the CQs what they have of a queue pair that it ends.
void forget_completions(const ibv_qp &qp) {
    for (ibv_cq *cq : {qp.send_cq, qp.recv_cq == qp.send_cq ? nullptr : qp.recv_cq})
        if (cq != nullptr) rxe::forget_completions(*static_cast<Cq *>(cq), qp.qp_num);
}

}  // namespace

Result<ibv_qp *> RxeDevice::create_qp(ibv_pd *pd, ibv_qp_init_attr *attr) {
    VERBS_CHECK(judge(*attr));
    Owned<Qp>::New qp;
    rxe_create_qp_resp driver{};
    VERBS_TRY(made, verbs::uverbs::create_qp(kernel_, request_of(*pd, *attr, *qp),
                                             verbs::uverbs::udata_out(driver)));
    qp->handle = made.handle;
    qp->qp_num = made.qp_num;
    qp->kernel = &kernel_;
    qp->domain = use(pd);
    ibv_qp_cap cap = to_public(made.cap);
    const auto take_over = [&]() -> Result<void> {
        auto sends = map(driver.sq_mi);
        if (!sends) return verbs::Failure(std::move(sends.error()));
        auto receives = attr->srq == nullptr ? map(driver.rq_mi) : Result<Mapping>();
        if (!receives) return verbs::Failure(std::move(receives.error()));
        return attach(*qp, attr->qp_type, made.handle, std::move(*sends), std::move(*receives),
                      cap);
    };
    if (auto taken = take_over(); !taken) {
        (void)verbs::uverbs::destroy_qp(kernel_, made.handle);
        return verbs::Failure(std::move(taken.error()));
    }
    attr->cap = cap;
    return qps_.keep(std::move(qp));
}

// The driver leaves to us what datagrams need: the Q_Key of the queue pair, and the longest
// message, which is what the port can send when the queue pair gets ready.
Result<void> RxeDevice::modify_qp(ibv_qp *ibqp, ibv_qp_attr *attr, int mask) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    const bool is_datagram = qp.qp_type == IBV_QPT_UD;
    const bool gets_ready =
        is_datagram && (mask & IBV_QP_STATE) != 0 && attr->qp_state == IBV_QPS_RTR;
    if ((mask & IBV_QP_RATE_LIMIT) != 0)
        return verbs::fail(EOPNOTSUPP, "rdma_rxe has no limit for rates");
    uint32_t max_message = 0;
    if (gets_ready) {
        VERBS_TRY(port, verbs::uverbs::query_port(kernel_, 1));  // the only one
        const uint8_t mtu = port.legacy_resp.active_mtu;
        if (mtu < IBV_MTU_256 || mtu > IBV_MTU_4096)
            return verbs::fail(EPROTO, "the kernel gives an MTU that there is not");
        max_message = 128u << mtu;
    }
    const auto modified = verbs::uverbs::modify_qp(kernel_, to_kernel(qp.handle, *attr, mask));
    if (!modified) return naming(modified.error(), change_of(qp, *attr, mask));
    if (gets_ready) qp.sq.max_message = max_message;
    if (is_datagram && (mask & IBV_QP_QKEY) != 0) qp.sq.qkey = attr->qkey;
    if ((mask & IBV_QP_STATE) != 0 && attr->qp_state == IBV_QPS_RESET) forget_completions(qp);
    return {};
}

Result<void> RxeDevice::query_qp(ibv_qp *qp, ibv_qp_attr *attr, int mask,
                                 ibv_qp_init_attr *init_attr) {
    ib_uverbs_query_qp_resp told{};
    VERBS_CHECK(verbs::uverbs::query_qp(kernel_, qp->handle, static_cast<uint32_t>(mask), told));
    to_public(told, *attr, *init_attr);
    return {};
}

Result<void> RxeDevice::destroy_qp(ibv_qp *qp) {
    VERBS_CHECK(verbs::uverbs::destroy_qp(kernel_, qp->handle));
    forget_completions(*qp);
    Host::table().retire_qp(qp);
    qps_.remove(static_cast<Qp *>(qp));
    return {};
}

}  // namespace rxe
