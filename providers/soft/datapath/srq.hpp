// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queue: receives that the messages of several queue pairs take, oldest first.
//
// A queue pair whose message finds none is put on the list of those that wait, under the same lock
// under which it found none; who posts the next receives drives them.
#pragma once

#include "datapath/qp.hpp"

namespace soft {

class TagList;

struct Srq : ibv_srq {
    explicit Srq(Pd &owner) noexcept;
    Srq(const Srq &) = delete;
    Srq &operator=(const Srq &) = delete;
    ~Srq();

    Pd *domain;
    EventPipe *async_events = nullptr;
    std::atomic<uint32_t> users{0};  // queue pairs
    uint32_t max_sge = 0;
    Cq *completes_to = nullptr;     // of the types XRC and TM: where messages complete
    std::unique_ptr<TagList> tags;  // of the type TM, for life
    // Of the type XRC, for life: the domain, and the number by which messages name the queue.
    std::shared_ptr<XrcDomain> xrc;
    uint32_t number = 0;
    std::atomic<uint32_t> *xrcd_users = nullptr;

    // Held while the queue pairs that waited are driven, so that none goes meanwhile. Before every
    // lock of a queue.
    SpinLock drive_lock;
    SpinLock lock;  // leaf: all below
    WorkRing<RecvWqe> ring;
    uint32_t max_wr = 0;
    uint32_t limit = 0;  // fewer receives than this: IBV_EVENT_SRQ_LIMIT_REACHED, once; 0 off
    std::vector<Qp *> waiting;  // has room for all users, so that the hot path does not allocate
};

// Takes the oldest receive for a message of `qp`, into qp.rq.taken. False: there is none, and the
// queue pair is on the list, which has room for it. Under its receive queue's lock.
[[nodiscard]] bool take_from_srq(Qp &qp) noexcept;

// Before a queue pair goes or is reset: it waits no more. Under none of the locks.
void leave_srq(Qp &qp) noexcept;

// A message of a queue pair that waits may have more to go to than a receive: all try again.
void wake_waiting(Srq &srq) noexcept;

// The entry of context->ops.
int post_srq_recv(ibv_srq *srq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;

}  // namespace soft
