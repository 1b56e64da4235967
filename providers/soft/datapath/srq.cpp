// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting to shared receive queues, and taking out of them.
#include "datapath/srq.hpp"

#include "datapath/tags.hpp"

#include <rdma/ib_user_verbs.h>

#include <cerrno>
#include <mutex>

namespace soft {

namespace {

void report_limit(Srq &srq) noexcept {
    ib_uverbs_async_event_desc event{};
    event.element = reinterpret_cast<uintptr_t>(static_cast<ibv_srq *>(&srq));
    event.event_type = IBV_EVENT_SRQ_LIMIT_REACHED;
    srq.async_events->write(&event, sizeof event);
}

void copy(RecvWqe &to, RecvWqe &from) noexcept {
    to.wr_id = from.wr_id;
    to.sge_count = from.sge_count;
    std::memcpy(to.sges(), from.sges(), from.sge_count * sizeof(ibv_sge));
}

// The next of the queue pairs that found no receive, which waits no more.
Qp *next_waiting(Srq &srq) noexcept {
    if (srq.waiting.empty()) return nullptr;
    Qp *const qp = srq.waiting.front();
    srq.waiting.erase(srq.waiting.begin());
    qp->rq.waits_for_srq = false;
    return qp;
}

void drive(Qp &qp) noexcept {
    qp.rq.lock.lock();
    const Turn turn = take_arrivals(qp);
    qp.rq.lock.unlock();
    if (turn != Turn::over) settle(qp, turn);
}

// Lets them try again, as long as there are receives.
void drive_waiting(Srq &srq) noexcept {
    const std::lock_guard driving(srq.drive_lock);
    for (;;) {
        Qp *qp = nullptr;
        {
            const std::lock_guard hold(srq.lock);
            if (!srq.ring.is_empty()) qp = next_waiting(srq);
        }
        if (qp == nullptr) return;
        drive(*qp);
    }
}

}  // namespace

Srq::Srq(Pd &owner) noexcept : ibv_srq{}, domain(&owner) {}

Srq::~Srq() = default;

void wake_waiting(Srq &srq) noexcept {
    const std::lock_guard driving(srq.drive_lock);
    std::size_t count = 0;
    {
        const std::lock_guard hold(srq.lock);
        count = srq.waiting.size();
    }
    for (; count > 0; --count) {
        Qp *qp = nullptr;
        {
            const std::lock_guard hold(srq.lock);
            qp = next_waiting(srq);
        }
        if (qp == nullptr) return;
        drive(*qp);
    }
}

bool take_from_srq(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    Srq &srq = *rq.srq;
    bool fell_below = false;
    {
        const std::lock_guard hold(srq.lock);
        if (srq.ring.is_empty()) {
            if (!rq.waits_for_srq) srq.waiting.push_back(&qp);
            rq.waits_for_srq = true;
            return false;
        }
        copy(rq.taken->wqe, srq.ring.at(srq.ring.head++));
        fell_below = srq.ring.count() < srq.limit;
        if (fell_below) srq.limit = 0;
    }
    rq.has_taken = true;
    if (fell_below) report_limit(srq);
    return true;
}

void leave_srq(Qp &qp) noexcept {
    if (qp.rq.srq == nullptr) return;
    Srq &srq = *qp.rq.srq;
    const std::lock_guard driving(srq.drive_lock);
    const std::lock_guard hold(srq.lock);
    std::erase(srq.waiting, &qp);
    qp.rq.waits_for_srq = false;
}

int post_srq_recv(ibv_srq *ibsrq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    Srq &srq = *static_cast<Srq *>(ibsrq);
    int code = 0;
    bool somebody_waits = false;
    {
        const std::lock_guard hold(srq.lock);
        for (; wr != nullptr; wr = wr->next) {
            if (wr->num_sge < 0 || static_cast<uint32_t>(wr->num_sge) > srq.max_sge)
                code = EINVAL;
            else if (srq.ring.is_full())
                code = ENOMEM;
            if (code != 0) {
                *bad_wr = wr;
                break;
            }
            RecvWqe &wqe = srq.ring.at(srq.ring.tail++);
            wqe.wr_id = wr->wr_id;
            wqe.sge_count = static_cast<uint32_t>(wr->num_sge);
            for (int i = 0; i < wr->num_sge; ++i)
                wqe.sges()[i] = wr->sg_list[i];
        }
        somebody_waits = !srq.waiting.empty();
    }
    if (somebody_waits) drive_waiting(srq);
    return code;
}

}  // namespace soft
