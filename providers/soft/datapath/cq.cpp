// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Polling, arming and filling completion queues.
#include "datapath/cq.hpp"

#include "datapath/qp.hpp"
#include "link/process.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
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

// One event is for all that the ring has. Under the lock.
void note_told(Cq &cq) noexcept {
    cq.armed.store(Armed::no, std::memory_order_relaxed);
    cq.has_untold = false;
    cq.has_untold_solicited = false;
}

void report_overrun(Cq &cq) noexcept {
    ib_uverbs_async_event_desc event{};
    event.element = reinterpret_cast<uintptr_t>(static_cast<ibv_cq *>(&cq));
    event.event_type = IBV_EVENT_CQ_ERR;
    cq.async_events->write(&event, sizeof event);
}

// `copy` is told the place of each completion that is taken. Under the lock.
template <class Copy>
int take_each(Cq &cq, int count, Copy &&copy) noexcept {
    int taken = 0;
    const uint32_t mask = cq.capacity - 1;
    uint32_t head = cq.head.load(std::memory_order_relaxed);
    const uint32_t tail = cq.tail.load(std::memory_order_relaxed);
    for (; taken < count && head != tail; ++taken)
        copy(head++ & mask);
    // An empty ring starts over at its first line, which is the one in the cache.
    if (head == tail) cq.tail.store(head = 0, std::memory_order_relaxed);
    cq.head.store(head, std::memory_order_relaxed);
    return taken;
}

int take(Cq &cq, int count, ibv_wc *wc) noexcept {
    const std::lock_guard hold(cq.lock);
    return take_each(cq, count, [&](uint32_t at) { *wc++ = cq.ring[at]; });
}

// How many queue pairs one poll looks at: all of most queues, and of a queue with thousands a part,
// in turn, so that a poll stays short.
constexpr std::size_t kLooks = 256;

// A program that found nothing for so long lets others have the processor, if somebody waits for
// it: with more spinning programs than processors, the peer may be among those.
constexpr uint32_t kPollsBetweenYields = 4096;

// A poll found nothing. Who is armed for all that comes sleeps soon; for solicited completions
// alone, a program may be armed for good (UCX over UD) and poll all the same. Out of line: polls
// that find something need no registers for it.
__attribute__((noinline)) void note_empty(Cq &cq) noexcept {
    const uint32_t polls = cq.polls.load(std::memory_order_relaxed) + 1;
    cq.polls.store(polls, std::memory_order_relaxed);
    if (polls >= kPollsThatSpin && !cq.is_polled.load(std::memory_order_relaxed) &&
        cq.armed.load(std::memory_order_relaxed) != Armed::next)
        begin_polling(cq);
    if (polls % kPollsBetweenYields == 0) ::sched_yield();
}

// Puts an entry into the ring; `note` is told its place if there is something beside it.
template <class Note>
void append(Cq &cq, const ibv_wc &wc, bool solicited, Note &&note) noexcept {
    bool fires = false;
    bool overran = false;
    cq.lock.lock();
    const uint32_t tail = cq.tail.load(std::memory_order_relaxed);
    const uint32_t waiting = tail - cq.head.load(std::memory_order_relaxed);
    if (waiting < static_cast<uint32_t>(cq.cqe)) {
        cq.ring[tail & (cq.capacity - 1)] = wc;
        if (cq.beside != nullptr) [[unlikely]]
            note(cq.beside[tail & (cq.capacity - 1)]);
        cq.tail.store(tail + 1, std::memory_order_relaxed);
    } else {
        overran = !cq.overrun;
        cq.overrun = true;
    }
    const Armed armed = cq.armed.load(std::memory_order_relaxed);
    if (armed == Armed::next || (armed == Armed::solicited && solicited)) {
        note_told(cq);
        fires = true;
    } else {
        cq.has_untold_solicited = solicited || (cq.has_untold_solicited && waiting != 0);
        cq.has_untold = true;
    }
    cq.lock.unlock();
    if (fires) send_comp_event(cq);
    if (overran) report_overrun(cq);
}

}  // namespace

void push_completion(Cq &cq, const ibv_wc &wc, bool solicited, Sink *sink) noexcept {
    // What this work queue completed before, on another thread, is in the ring and seen here: it
    // was put there under the lock that the caller holds.
    if (sink != nullptr && sink->at != sink->end && cq.is_empty() &&
        cq.armed.load(std::memory_order_relaxed) == Armed::no) {
        *sink->at++ = wc;
        return;
    }
    append(cq, wc, solicited, [](Beside &beside) { beside = {monotonic_ns(), {}}; });
}

void push_tagged(Cq &cq, const ibv_wc &wc, const TagInfo &info, bool solicited) noexcept {
    append(cq, wc, solicited, [&info](Beside &beside) { beside = {monotonic_ns(), info}; });
}

namespace {

// Under the progress lock.
void poll_members(Cq &cq, Sink &sink) noexcept {
    const std::size_t count = cq.polled.size();
    const std::size_t looks = std::min(count, kLooks);
    std::size_t at = looks == count ? 0 : cq.next_polled;
    for (std::size_t i = 0; i < looks; ++i, ++at) {
        if (at >= count) at = 0;
        poll_queues(*cq.polled[at], cq, sink);
    }
    cq.next_polled = at;
}

// Where a message of XRC completes depends on the message.
__attribute__((noinline)) void poll_hubs(Cq &cq) noexcept {
    Sink none{nullptr, nullptr};
    for (const Cq::Hub &hub : cq.hubs) {
        if (!hub.cq->progress_lock.try_lock()) continue;
        poll_members(*hub.cq, none);
        hub.cq->progress_lock.unlock();
    }
}

}  // namespace

void progress(Cq &cq, Sink &sink) noexcept {
    if (!cq.progress_lock.try_lock()) return;
    poll_members(cq, sink);
    if (!cq.hubs.empty()) [[unlikely]]
        poll_hubs(cq);
    cq.progress_lock.unlock();
}

namespace {

// The next two under the progress lock.
void become_polled(Cq &cq) noexcept {
    cq.is_polled.store(true, std::memory_order_relaxed);
    for (Qp *qp : cq.polled)
        update_kicks(*qp);
}

void become_unpolled(Cq &cq) noexcept {
    cq.is_polled.store(false, std::memory_order_relaxed);
    for (Qp *qp : cq.polled)
        update_kicks(*qp);
    // What came before the peers could see that they have to kick again.
    for (Qp *qp : cq.polled)
        progress(*qp);
}

// One of the hub's CQs is polled, or is no longer. Under the CQ's progress lock.
void enter_polled(Cq &hub) noexcept {
    const std::lock_guard hold(hub.progress_lock);
    if (hub.polled_members++ == 0) become_polled(hub);
}

void leave_polled(Cq &hub) noexcept {
    const std::lock_guard hold(hub.progress_lock);
    if (--hub.polled_members == 0) become_unpolled(hub);
}

auto place_of(Cq &cq, const Cq &hub) noexcept {
    return std::find_if(cq.hubs.begin(), cq.hubs.end(),
                        [&](const Cq::Hub &one) { return one.cq == &hub; });
}

}  // namespace

void join_hub(Cq &cq, Cq &hub) {
    const std::lock_guard hold(cq.progress_lock);
    if (const auto known = place_of(cq, hub); known != cq.hubs.end()) {
        ++known->queues;
        return;
    }
    cq.hubs.push_back({&hub, 1});
    if (cq.is_polled.load(std::memory_order_relaxed)) enter_polled(hub);
}

void leave_hub(Cq &cq, Cq &hub) noexcept {
    const std::lock_guard hold(cq.progress_lock);
    const auto known = place_of(cq, hub);
    if (--known->queues != 0) return;
    cq.hubs.erase(known);
    if (cq.is_polled.load(std::memory_order_relaxed)) leave_polled(hub);
}

void begin_polling(Cq &cq) noexcept {
    {
        const std::lock_guard hold(cq.progress_lock);
        if (cq.is_polled.load(std::memory_order_relaxed)) return;
        cq.polls_seen.store(cq.polls.load(std::memory_order_relaxed), std::memory_order_relaxed);
        become_polled(cq);
        for (const Cq::Hub &hub : cq.hubs)
            enter_polled(*hub.cq);
    }
    cq.owner->watch(cq);
}

void end_polling(Cq &cq) noexcept {
    const std::lock_guard hold(cq.progress_lock);
    cq.polls.store(0, std::memory_order_relaxed);
    if (!cq.is_polled.load(std::memory_order_relaxed)) return;
    become_unpolled(cq);
    for (const Cq::Hub &hub : cq.hubs)
        leave_polled(*hub.cq);
}

void forget_completions(Cq &cq, uint32_t qp_num) noexcept {
    const std::lock_guard hold(cq.lock);
    const uint32_t mask = cq.capacity - 1;
    uint32_t kept = cq.head.load(std::memory_order_relaxed);
    const uint32_t tail = cq.tail.load(std::memory_order_relaxed);
    for (uint32_t at = kept; at != tail; ++at) {
        if (cq.ring[at & mask].qp_num == qp_num) continue;
        cq.ring[kept & mask] = cq.ring[at & mask];
        if (cq.beside != nullptr) cq.beside[kept & mask] = cq.beside[at & mask];
        ++kept;
    }
    cq.tail.store(kept, std::memory_order_relaxed);
}

int poll_cq(ibv_cq *ibcq, int count, ibv_wc *wc) noexcept {
    Cq &cq = *static_cast<Cq *>(ibcq);
    if (!cq.is_empty())
        if (const int taken = take(cq, count, wc); taken > 0) return taken;
    Sink sink{wc, wc + std::max(count, 0)};
    progress(cq, sink);
    if (sink.at != wc) return static_cast<int>(sink.at - wc);
    if (!cq.is_empty())
        if (const int taken = take(cq, count, wc); taken > 0) return taken;
    note_empty(cq);
    return 0;
}

void drive(Cq &cq) noexcept {
    Sink none{nullptr, nullptr};
    progress(cq, none);
    note_empty(cq);
}

// Everything comes by way of the ring, as what is beside it does.
int take_with_beside(Cq &cq, ibv_wc &wc, Beside &beside) noexcept {
    if (cq.is_empty()) {
        Sink none{nullptr, nullptr};
        progress(cq, none);
    }
    int taken = 0;
    {
        const std::lock_guard hold(cq.lock);
        taken = take_each(cq, 1, [&](uint32_t at) {
            wc = cq.ring[at];
            beside = cq.beside[at];
        });
    }
    if (taken == 0) note_empty(cq);
    return taken;
}

int req_notify_cq(ibv_cq *ibcq, int solicited_only) noexcept {
    Cq &cq = *static_cast<Cq *>(ibcq);
    bool fires = false;
    {
        const std::lock_guard hold(cq.lock);
        fires = !cq.is_empty() && (solicited_only == 0 ? cq.has_untold : cq.has_untold_solicited);
        // Asking for less does not take back that more was asked for.
        if (fires)
            note_told(cq);
        else if (solicited_only == 0)
            cq.armed.store(Armed::next, std::memory_order_relaxed);
        else if (cq.armed.load(std::memory_order_relaxed) == Armed::no)
            cq.armed.store(Armed::solicited, std::memory_order_relaxed);
    }
    if (fires) {
        send_comp_event(cq);
        return 0;
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
