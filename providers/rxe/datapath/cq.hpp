// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues: the kernel fills them, polling empties them without a system call.
#pragma once

#include "core/mapping.hpp"
#include "core/spin_lock.hpp"
#include "datapath/domain.hpp"
#include "datapath/queue.hpp"
#include "uverbs/context.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/extended_cq.hpp>
#endif

#include <mutex>
#include <utility>

namespace rxe {

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicCq = verbs::provider::ExtendedCq;
#else
using PublicCq = ibv_cq;
#endif

struct Cq : PublicCq {
    // A plain one has no constructor that would clear it.
    Cq() noexcept : PublicCq{} {}  // NOLINT(readability-redundant-member-init)

    const verbs::uverbs::Context *kernel = nullptr;  // for the long way of commands (doorbell.hpp)
    verbs::SpinLock lock;                            // leaf: the two below
    CompletionQueue ring;
    verbs::Mapping memory;
    PdUse domain;  // the parent domain that it was made in, if any
};

// Takes over the mapping of a queue that the kernel has made, and sets cqe.
[[nodiscard]] verbs::Result<void> attach(Cq &cq, verbs::Mapping &&memory);

// Has the kernel change the size, and goes over to the queue that it has then: `change` runs the
// command and returns the new mapping as a Result. The kernel moves what waits in the old queue as
// far as our index tells, and looks at that index once: nobody polls meanwhile.
//
// When `change` fails before the kernel has done it, the old queue goes on. When the new queue
// cannot be mapped afterwards, completions are lost, and polling finds none.
template <class Change>
[[nodiscard]] verbs::Result<void> resize(Cq &cq, Change &&change) {
    verbs::Mapping old;  // unmapped after the lock
    const std::lock_guard hold(cq.lock);
    VERBS_TRY(memory, change());
    VERBS_TRY(ring, CompletionQueue::open(memory.data(), memory.size()));
    cq.ring = ring;
    cq.cqe = static_cast<int>(ring.capacity());
    old = std::exchange(cq.memory, std::move(memory));
    return {};
}

// Throws away completions of a queue pair that the kernel has destroyed or reset.
void forget_completions(Cq &cq, uint32_t qp_num) noexcept;

// Two entries of context->ops.
int poll_cq(ibv_cq *cq, int count, ibv_wc *wc) noexcept;
int req_notify_cq(ibv_cq *cq, int solicited_only) noexcept;

}  // namespace rxe
