// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XRC domains and their receiving queue pairs. What the program has of such a
// queue pair is a handle, also when it made it: others may have it open when it goes.
#include "control/device.hpp"

#include "datapath/xrc.hpp"

#include <rdma/ib_user_verbs.h>

#include <string>

namespace soft {

using verbs::fail;

Result<ibv_xrcd *> Device::open_xrcd(ibv_xrcd_init_attr *attr) {
    VERBS_CHECK(judge_alive());
    Owned<Xrcd>::New xrcd;
    VERBS_TRY(domain, process_->open_domain(attr->fd, attr->oflags, guid_be_));
    xrcd->domain = std::move(domain);
    return xrcds_.keep(std::move(xrcd));
}

Result<void> Device::close_xrcd(ibv_xrcd *ibxrcd) {
    auto *xrcd = static_cast<Xrcd *>(ibxrcd);
    if (const uint32_t users = xrcd->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " queues and queue pairs are in the XRC domain");
    xrcds_.remove(xrcd);
    return {};
}

Result<uint32_t> Device::get_srq_num(ibv_srq *ibsrq) {
    const auto &srq = *static_cast<Srq *>(ibsrq);
    if (srq.xrc == nullptr) return fail(EINVAL, "only receive queues of the type XRC have numbers");
    return srq.number;
}

void Device::prepare_handle(Qp &handle, Xrcd &xrcd) {
    handle.handle_of = std::make_unique<XrcHandle>();
    handle.handle_of->xrcd_users = &xrcd.users;
    handle.async_events = &async_events_;
}

void Device::prepare_target(Qp &qp, const Xrcd &xrcd) {
    qp.target = std::make_unique<XrcTarget>(*this);
    qp.xrc = xrcd.domain;
    qp.is_xrc = qp.is_reliable = true;
    qp.has_one_peer = false;
    qp.sends_to = qp.receives_to = qp.rq.completes_to = &qp.xrc->hub;
    qp.device = this;
    qp.init_attr.qp_type = IBV_QPT_XRC_RECV;
    if (injector_ == nullptr) return;
    qp.faults = std::make_unique<QpFaults>(injector_);
    qp.has_faults = qp.takes_detour = true;
}

Result<ibv_qp *> Device::create_receiving_qp(ibv_qp_init_attr_ex *attr) {
    VERBS_CHECK(judge_alive());
    VERBS_CHECK(judge_faults(Call::create_qp));
    if (attr->comp_mask != IBV_QP_INIT_ATTR_XRCD || attr->xrcd == nullptr)
        return fail(EINVAL, "a QP that receives by XRC has a domain and nothing else: "
                            "IBV_QP_INIT_ATTR_XRCD and xrcd");
    auto &xrcd = *static_cast<Xrcd *>(attr->xrcd);
    Owned<Qp>::New handle(*process_, nullptr);
    Owned<Qp>::New target(*process_, nullptr);
    prepare_handle(*handle, xrcd);
    prepare_target(*target, xrcd);
    VERBS_CHECK(process_->enlist(*target, *handle));
    qps_.keep(std::move(target));
    xrcd.users.fetch_add(1);
    attr->cap = {};
    return qps_.keep(std::move(handle));
}

Result<ibv_qp *> Device::open_qp(ibv_qp_open_attr *attr) {
    VERBS_CHECK(judge_alive());
    auto &xrcd = *static_cast<Xrcd *>(attr->xrcd);
    Owned<Qp>::New handle(*process_, nullptr);
    prepare_handle(*handle, xrcd);
    if (auto opened = process_->open_handle(*handle, attr->qp_num, *xrcd.domain); !opened) {
        // That the queue pair has ended may have been told already.
        async_events_.purge(reinterpret_cast<uintptr_t>(static_cast<ibv_qp *>(&*handle)),
                            sizeof(ib_uverbs_async_event_desc));
        return verbs::Failure(std::move(opened.error()));
    }
    xrcd.users.fetch_add(1);
    return qps_.keep(std::move(handle));
}

}  // namespace soft
