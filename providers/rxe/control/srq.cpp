// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues.
#include "uverbs/srq.hpp"

#include "control/device.hpp"

namespace rxe {

using verbs::provider::Host;

Result<ibv_srq *> RxeDevice::create_srq(ibv_pd *pd, ibv_srq_init_attr *attr) {
    Owned<Srq>::New srq;
    verbs::uverbs::SrqRequest request;
    request.user_handle = reinterpret_cast<uintptr_t>(static_cast<ibv_srq *>(&*srq));
    request.pd = pd->handle;
    request.max_wr = attr->attr.max_wr;
    request.max_sge = attr->attr.max_sge;
    rxe_create_srq_resp driver{};
    VERBS_TRY(made, verbs::uverbs::create_srq(kernel_, request, verbs::uverbs::udata_out(driver)));
    srq->handle = made.handle;
    srq->srq_num = driver.srq_num;
    srq->domain = use(pd);
    auto memory = map(driver.mi);
    auto attached = memory ? attach(srq->rq, std::move(*memory), made.max_sge)
                           : Result<void>(verbs::Failure(std::move(memory.error())));
    if (!attached) {
        (void)verbs::uverbs::destroy_srq(kernel_, made.handle);
        return verbs::Failure(std::move(attached.error()));
    }
    attr->attr.max_wr = srq->rq.ring.capacity();
    attr->attr.max_sge = made.max_sge;
    return srqs_.keep(std::move(srq));
}

// A new size means a new queue. Where it is the driver writes to an address that it is given.
Result<void> RxeDevice::modify_srq(ibv_srq *ibsrq, ibv_srq_attr *attr, int mask) {
    Srq &srq = *static_cast<Srq *>(ibsrq);
    mminfo queue{};
    const rxe_modify_srq_cmd driver{reinterpret_cast<uintptr_t>(&queue)};
    const auto modify = [&] {
        return verbs::uverbs::modify_srq(kernel_, srq.handle, static_cast<uint32_t>(mask),
                                         attr->max_wr, attr->srq_limit,
                                         verbs::uverbs::udata_in(driver));
    };
    if ((mask & IBV_SRQ_MAX_WR) == 0) return modify();
    return resize(srq.rq, [&]() -> Result<verbs::Mapping> {
        VERBS_CHECK(modify());
        return map(queue);
    });
}

Result<ibv_srq_attr> RxeDevice::query_srq(ibv_srq *srq) {
    VERBS_TRY(told, verbs::uverbs::query_srq(kernel_, srq->handle));
    return ibv_srq_attr{told.max_wr, told.max_sge, told.srq_limit};
}

Result<void> RxeDevice::destroy_srq(ibv_srq *srq) {
    VERBS_CHECK(verbs::uverbs::destroy_srq(kernel_, srq->handle));
    Host::table().retire_srq(srq);
    srqs_.remove(static_cast<Srq *>(srq));
    return {};
}

}  // namespace rxe
