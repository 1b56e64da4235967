// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Polling, arming and filling completion queues.
#include "datapath/cq.hpp"

#include "datapath/qp.hpp"
#include "link/process.hpp"

#include <rdma/ib_user_verbs.h>
#include <sys/mman.h>

#include <mutex>

namespace soft {

namespace {

// So many polls without an event in between mean that the program spins on the queue. Few enough
// to be over in microseconds, more than any event loop does between two events.
constexpr uint32_t kPollsThatSpin = 256;

void send_comp_event(Cq &cq) noexcept {
    if (cq.events == nullptr) return;
    ib_uverbs_comp_event_desc event{};
    event.cq_handle = reinterpret_cast<uintptr_t>(static_cast<ibv_cq *>(&cq));
    cq.events->pipe.write(&event, sizeof event);
}

void report_overrun(Cq &cq) noexcept {
    ib_uverbs_async_event_desc event{};
    event.element = reinterpret_cast<uintptr_t>(static_cast<ibv_cq *>(&cq));
    event.event_type = IBV_EVENT_CQ_ERR;
    cq.async_events->write(&event, sizeof event);
}

int take(Cq &cq, int count, ibv_wc *wc) noexcept {
    int taken = 0;
    const uint32_t mask = cq.capacity - 1;
    while (taken < count && cq.head != cq.tail)
        wc[taken++] = cq.ring[cq.head++ & mask];
    // An empty ring starts over at its first line, which is the one in the cache.
    if (cq.head == cq.tail) cq.head = cq.tail = 0;
    return taken;
}

}  // namespace

Cq::~Cq() {
    if (ring != nullptr) ::munmap(ring, ring_bytes);
}

void push_completion(Cq &cq, const ibv_wc &wc, bool solicited) noexcept {
    bool fires = false;
    bool overran = false;
    cq.lock.lock();
    if (cq.tail - cq.head < static_cast<uint32_t>(cq.cqe)) {
        cq.ring[cq.tail++ & (cq.capacity - 1)] = wc;
    } else {
        overran = !cq.overrun;
        cq.overrun = true;
    }
    const Armed armed = cq.armed.load(std::memory_order_relaxed);
    if (armed == Armed::next || (armed == Armed::solicited && solicited)) {
        cq.armed.store(Armed::no, std::memory_order_relaxed);
        fires = true;
    }
    cq.lock.unlock();
    if (fires) send_comp_event(cq);
    if (overran) report_overrun(cq);
}

void progress(Cq &cq) noexcept {
    if (!cq.progress_lock.try_lock()) return;
    for (Qp *qp : cq.polled)
        progress(*qp, Driver::poller);
    cq.progress_lock.unlock();
}

void begin_polling(Cq &cq) noexcept {
    {
        const std::lock_guard hold(cq.progress_lock);
        if (cq.is_polled.load(std::memory_order_relaxed)) return;
        cq.polls_seen = cq.polls.load(std::memory_order_relaxed);
        cq.is_polled.store(true, std::memory_order_relaxed);
        for (Qp *qp : cq.polled)
            update_kicks(*qp);
    }
    cq.owner->watch(cq);
}

void end_polling(Cq &cq) noexcept {
    const std::lock_guard hold(cq.progress_lock);
    cq.polls.store(0, std::memory_order_relaxed);
    if (!cq.is_polled.load(std::memory_order_relaxed)) return;
    cq.is_polled.store(false, std::memory_order_relaxed);
    for (Qp *qp : cq.polled)
        update_kicks(*qp);
    // What came before the peers could see that they have to kick again.
    for (Qp *qp : cq.polled)
        progress(*qp, Driver::thread);
}

void forget_completions(Cq &cq, uint32_t qp_num) noexcept {
    const std::lock_guard hold(cq.lock);
    const uint32_t mask = cq.capacity - 1;
    uint32_t kept = cq.head;
    for (uint32_t at = cq.head; at != cq.tail; ++at)
        if (cq.ring[at & mask].qp_num != qp_num) cq.ring[kept++ & mask] = cq.ring[at & mask];
    cq.tail = kept;
}

int poll_cq(ibv_cq *ibcq, int count, ibv_wc *wc) noexcept {
    Cq &cq = *static_cast<Cq *>(ibcq);
    cq.lock.lock();
    int taken = take(cq, count, wc);
    const bool armed = cq.armed.load(std::memory_order_relaxed) != Armed::no;
    cq.lock.unlock();
    if (taken > 0) return taken;

    progress(cq);
    const uint32_t polls = cq.polls.load(std::memory_order_relaxed) + 1;
    cq.polls.store(polls, std::memory_order_relaxed);
    if (polls >= kPollsThatSpin && !armed && !cq.is_polled.load(std::memory_order_relaxed))
        begin_polling(cq);

    cq.lock.lock();
    taken = take(cq, count, wc);
    cq.lock.unlock();
    return taken;
}

int req_notify_cq(ibv_cq *ibcq, int solicited_only) noexcept {
    Cq &cq = *static_cast<Cq *>(ibcq);
    {
        const std::lock_guard hold(cq.lock);
        // Asking for less does not take back that more was asked for.
        if (solicited_only == 0)
            cq.armed.store(Armed::next, std::memory_order_relaxed);
        else if (cq.armed.load(std::memory_order_relaxed) == Armed::no)
            cq.armed.store(Armed::solicited, std::memory_order_relaxed);
    }
    if (cq.is_polled.load(std::memory_order_relaxed)) {
        end_polling(cq);
    } else {
        const std::lock_guard hold(cq.progress_lock);
        cq.polls.store(0, std::memory_order_relaxed);
        for (Qp *qp : cq.polled)
            update_kicks(*qp);
    }
    return 0;
}

}  // namespace soft
