// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues of the types that only experimental verbs have.
#include "control/device.hpp"
#include "datapath/tags.hpp"

namespace soft {

using verbs::fail;

Result<ibv_srq *> Device::create_srq_ex(ibv_srq_init_attr_ex *attr) {
    if (attr->srq_type == IBV_SRQT_XRC) return create_xrc_srq(*attr);
    if (attr->srq_type == IBV_SRQT_TM) return create_tm_srq(*attr);
    return fail(EOPNOTSUPP, "the device has shared receive queues of the types basic, XRC and TM");
}

Result<ibv_srq *> Device::create_xrc_srq(ibv_srq_init_attr_ex &attr) {
    auto &xrcd = *static_cast<Xrcd *>(attr.xrcd);
    VERBS_TRY(srq, make_srq(*static_cast<Pd *>(attr.pd), attr.attr));
    srq->completes_to = static_cast<Cq *>(attr.cq);
    srq->xrc = xrcd.domain;
    srq->xrcd_users = &xrcd.users;
    if (auto enlisted = process_->enlist(*srq); !enlisted) {
        discard(*srq);
        return verbs::Failure(std::move(enlisted.error()));
    }
    xrcd.users.fetch_add(1);
    attr.attr.max_sge = srq->max_sge;
    return srq;
}

Result<ibv_srq *> Device::create_tm_srq(ibv_srq_init_attr_ex &attr) {
    const ibv_tm_cap &cap = attr.tm_cap;
    if (cap.max_num_tags < 1 || cap.max_num_tags > kMaxTags)
        return fail(EINVAL, "max_num_tags is " + std::to_string(cap.max_num_tags) +
                                ", allowed are 1 to " + std::to_string(kMaxTags));
    if (cap.max_ops < 1 || cap.max_ops > kMaxTagOps)
        return fail(EINVAL, "max_ops is " + std::to_string(cap.max_ops) + ", allowed are 1 to " +
                                std::to_string(kMaxTagOps));
    auto tags = std::make_unique<TagList>(cap.max_num_tags);
    VERBS_TRY(srq, make_srq(*static_cast<Pd *>(attr.pd), attr.attr));
    srq->tags = std::move(tags);
    srq->completes_to = static_cast<Cq *>(attr.cq);
    {
        const std::lock_guard hold(process_->mutex());
        ++srq->completes_to->users;
    }
    attr.attr.max_sge = srq->max_sge;
    return srq;
}

// The library has not seen it.
void Device::discard(Srq &srq) noexcept {
    Pd &domain = *srq.domain;
    srqs_.remove(&srq);
    domain.users.fetch_sub(1);
}

}  // namespace soft
