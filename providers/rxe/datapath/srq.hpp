// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Receive queues, of one queue pair or shared. The kernel looks for a receive when a message comes,
// so posting needs no command.
#pragma once

#include "core/mapping.hpp"
#include "core/spin_lock.hpp"
#include "datapath/domain.hpp"
#include "datapath/queue.hpp"

#include <mutex>
#include <utility>

namespace rxe {

struct ReceiveQueue {
    verbs::SpinLock lock;  // leaf: all below
    WorkQueue ring;
    uint32_t max_sge = 0;
    verbs::Mapping memory;
};

// Bytes of a slot that a request of so many pieces takes.
[[nodiscard]] inline std::size_t receive_size(uint32_t max_sge) noexcept {
    return sizeof(RecvWqe) + std::size_t{max_sge} * sizeof(ibv_sge);
}

struct Srq : ibv_srq {
    Srq() noexcept : ibv_srq{} {}

    ReceiveQueue rq;
    uint32_t srq_num = 0;
    PdUse domain;
};

// Takes over the mapping of a queue that the kernel has made for requests of up to max_sge pieces.
[[nodiscard]] verbs::Result<void> attach(ReceiveQueue &rq, verbs::Mapping &&memory,
                                         uint32_t max_sge);

// As resize() of a completion queue: `change` runs the command that makes another queue of the same
// requests, and returns its mapping.
template <class Change>
[[nodiscard]] verbs::Result<void> resize(ReceiveQueue &rq, Change &&change) {
    verbs::Mapping old;  // unmapped after the lock
    const std::lock_guard hold(rq.lock);
    VERBS_TRY(memory, change());
    VERBS_TRY(ring, WorkQueue::open(memory.data(), memory.size(), receive_size(rq.max_sge)));
    rq.ring = ring;
    old = std::exchange(rq.memory, std::move(memory));
    return {};
}

// Fills the next requests from a list, under the lock. 0 or an errno value, with *bad_wr.
[[nodiscard]] int fill_receives(ReceiveQueue &rq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;

// The entry of context->ops.
int post_srq_recv(ibv_srq *srq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;

}  // namespace rxe
