// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues: creating, changing, asking, destroying.
#include "datapath/srq.hpp"
#include "control/device.hpp"
#include "control/limits.hpp"
#include "datapath/tags.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <mutex>
#include <string>

namespace soft {

using verbs::fail;
using verbs::provider::Host;

namespace {

Result<void> judge(uint32_t max_wr, uint32_t max_sge) {
    if (max_wr < 1 || max_wr > static_cast<uint32_t>(kMaxSrqWr))
        return fail(EINVAL, "max_wr is " + std::to_string(max_wr) + ", allowed are 1 to " +
                                std::to_string(kMaxSrqWr));
    if (max_sge > kMaxSge)
        return fail(EINVAL, "max_sge is " + std::to_string(max_sge) + ", at most " +
                                std::to_string(kMaxSge));
    return {};
}

Result<void> allocate(WorkRing<RecvWqe> &ring, const Pd &domain, uint32_t max_wr,
                      uint32_t max_sge) {
    return ring.allocate(domain.allocator, QueueKind::shared_receive, max_wr,
                         max_sge * sizeof(ibv_sge));
}

}  // namespace

Result<ibv_srq *> Device::create_srq(ibv_pd *ibpd, ibv_srq_init_attr *attr) {
    VERBS_TRY(srq, make_srq(*static_cast<Pd *>(ibpd), attr->attr));
    attr->attr.max_sge = srq->max_sge;
    return srq;
}

Result<Srq *> Device::make_srq(Pd &pd, const ibv_srq_attr &attr) {
    VERBS_CHECK(judge_faults(Call::create_srq));
    VERBS_CHECK(judge(attr.max_wr, attr.max_sge));
    Owned<Srq>::New srq(pd);
    srq->async_events = &async_events_;
    srq->max_wr = attr.max_wr;
    srq->max_sge = std::max(attr.max_sge, 1u);
    srq->handle = handles_.fetch_add(1);
    VERBS_CHECK(allocate(srq->ring, pd, srq->max_wr, srq->max_sge));
    pd.users.fetch_add(1);
    return srqs_.keep(std::move(srq));
}

Result<void> Device::modify_srq(ibv_srq *ibsrq, ibv_srq_attr *attr, int mask) {
    auto &srq = *static_cast<Srq *>(ibsrq);
    const bool resizes = (mask & IBV_SRQ_MAX_WR) != 0;
    WorkRing<RecvWqe> larger;
    if (resizes) {
        VERBS_CHECK(judge(attr->max_wr, srq.max_sge));
        VERBS_CHECK(allocate(larger, *srq.domain, attr->max_wr, srq.max_sge));
    }
    const std::lock_guard hold(srq.lock);
    const uint32_t max_wr = resizes ? attr->max_wr : srq.max_wr;
    if (resizes && srq.ring.count() > max_wr)
        return fail(EINVAL, std::to_string(srq.ring.count()) + " receives are posted, more than " +
                                std::to_string(max_wr));
    if ((mask & IBV_SRQ_LIMIT) != 0) {
        if (attr->srq_limit > max_wr)
            return fail(EINVAL, "srq_limit is " + std::to_string(attr->srq_limit) +
                                    ", the queue holds " + std::to_string(max_wr));
        srq.limit = attr->srq_limit;
    }
    if (resizes) {
        larger.take_over(srq.ring);
        srq.ring = std::move(larger);
        srq.max_wr = max_wr;
    }
    return {};
}

Result<void> Device::query_srq(ibv_srq *ibsrq, ibv_srq_attr *attr) {
    auto &srq = *static_cast<Srq *>(ibsrq);
    const std::lock_guard hold(srq.lock);
    attr->max_wr = srq.max_wr;
    attr->max_sge = srq.max_sge;
    attr->srq_limit = srq.limit;
    return {};
}

Result<void> Device::destroy_srq(ibv_srq *ibsrq) {
    auto *srq = static_cast<Srq *>(ibsrq);
    if (const uint32_t users = srq->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " queue pairs still receive from here");
    if (srq->xrc != nullptr) {
        process_->dismiss(*srq);
        srq->xrcd_users->fetch_sub(1);
    } else if (srq->completes_to != nullptr) {
        const std::lock_guard hold(process_->mutex());
        --srq->completes_to->users;
    }
    if (!process_->is_inherited())
        async_events_.purge(reinterpret_cast<uintptr_t>(ibsrq), sizeof(ib_uverbs_async_event_desc));
    Host::table().retire_srq(srq);
    Pd &domain = *srq->domain;
    srqs_.remove(srq);
    domain.users.fetch_sub(1);
    return {};
}

}  // namespace soft
