// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counting completions, and driving by reading.
#include "datapath/counter.hpp"

#include "datapath/qp.hpp"

#include <algorithm>
#include <mutex>

namespace soft {

namespace {

auto place_of(Counter &counter, const Cq &cq) noexcept {
    return std::find_if(counter.driven.begin(), counter.driven.end(),
                        [&](const Counter::Driven &driven) { return driven.cq == &cq; });
}

}  // namespace

bool Counter::is_attached() noexcept {
    const std::lock_guard hold(lock);
    return !driven.empty();
}

void QpCounters::attach(Counted kind, Counter &counter, Cq &cq) noexcept {
    if (const auto known = place_of(counter, cq); known != counter.driven.end())
        ++known->attachments;
    else
        counter.driven.push_back({&cq, 1});
    attachments_[static_cast<std::size_t>(kind)] = {&counter, &cq};
}

void QpCounters::die() noexcept {
    for (const Attachment &attachment : attachments_)
        if (attachment.counter != nullptr) new (&attachment.counter->lock) SpinLock;
}

QpCounters::~QpCounters() {
    for (const Attachment &attachment : attachments_) {
        if (attachment.counter == nullptr) continue;
        Counter &counter = *attachment.counter;
        const std::lock_guard hold(counter.lock);
        const auto known = place_of(counter, *attachment.cq);
        if (--known->attachments == 0) counter.driven.erase(known);
    }
}

void QpCounters::count(Counted kind, uint32_t bytes, ibv_wc_status status) noexcept {
    Counter *const counter = of(kind).counter;
    if (counter == nullptr) return;
    if (status != IBV_WC_SUCCESS)
        counter->errors.fetch_add(1, std::memory_order_release);
    else
        counter->successes.fetch_add(counter->counts_bytes ? bytes : 1, std::memory_order_release);
}

// Atomic operations, binds and flushes are of no kind that is counted.
void count_send(Qp &qp, uint8_t opcode, uint32_t bytes, ibv_wc_status status) noexcept {
    switch (opcode) {
    case IBV_WR_SEND:
    case IBV_WR_SEND_WITH_IMM:
    case IBV_WR_SEND_WITH_INV:
        return qp.counters->count(Counted::send, bytes, status);
    case IBV_WR_RDMA_WRITE:
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        return qp.counters->count(Counted::rdma_write, bytes, status);
    case IBV_WR_RDMA_READ:
        return qp.counters->count(Counted::rdma_read, bytes, status);
    case kOpcodeRendezvous:  // a receive, which was counted when its data came
        if (status != IBV_WC_SUCCESS) qp.counters->count(Counted::receive, bytes, status);
        return;
    default:
        return;
    }
}

// Another reader, or one who attaches, has the lock for a moment only: the next read drives.
void drive(Counter &counter) noexcept {
    if (!counter.lock.try_lock()) return;
    for (const Counter::Driven &driven : counter.driven)
        drive(*driven.cq);
    counter.lock.unlock();
}

}  // namespace soft
