// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What drives a queue pair besides posting: the engine's turn, peers that come and go, timers, and
// the way into the error state.
#include "datapath/qp.hpp"

#include "datapath/fence.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <ctime>
#include <mutex>

namespace soft {

namespace {

// Asks every sender to wake us from now on. True when something came in meanwhile.
bool ask_senders_for_kicks(ReceiveQueue &rq) noexcept {
    const auto ask = [](RxEnd &end) {
        end.header().responder_wants_kick.store(1, std::memory_order_relaxed);
    };
    if (rq.channel != nullptr) ask(*rq.channel);
    for (auto &sender : rq.senders)
        ask(*sender);
    publish_before_look();
    if (rq.channel != nullptr && rq.channel->has_message()) return true;
    return std::any_of(rq.senders.begin(), rq.senders.end(),
                       [](const auto &sender) { return sender->has_message(); });
}

// The thread's turn on the receive queue: all that waits, and kicks for what comes.
bool take_all_arrivals(Qp &qp) noexcept {
    for (;;) {
        if (take_arrivals(qp)) return true;
        const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
        if (!takes_messages(state)) return false;
        if (qp.receives_to->is_polled.load(std::memory_order_relaxed)) return false;
        // A starved queue is woken by post_recv, not by what waits in the ring already.
        if (!ask_senders_for_kicks(qp.rq) || qp.rq.starved) return false;
    }
}

template <class Queue>
bool enter(Queue &queue, Driver driver) noexcept {
    if (driver == Driver::poller) return queue.lock.try_lock();
    queue.lock.lock();
    return true;
}

}  // namespace

int64_t monotonic_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void ensure_timer(Qp &qp, int64_t &timer_at_ns, int64_t deadline_ns) noexcept {
    if (timer_at_ns != 0 && timer_at_ns <= deadline_ns) return;
    timer_at_ns = deadline_ns;
    qp.owner->set_timer(qp, deadline_ns);
}

void progress(Qp &qp, Driver driver) noexcept {
    if (enter(qp.rq, driver)) {
        const bool failed = driver == Driver::thread ? take_all_arrivals(qp) : take_arrivals(qp);
        qp.rq.lock.unlock();
        if (failed) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    }
    if (enter(qp.sq, driver)) {
        advance_sends(qp);
        qp.sq.lock.unlock();
    }
}

void update_kicks(Qp &qp) noexcept {
    const uint32_t wanted = qp.receives_to->is_polled.load(std::memory_order_relaxed) ? 0 : 1;
    {
        const std::lock_guard hold(qp.rq.lock);
        if (qp.rq.channel != nullptr)
            qp.rq.channel->header().responder_wants_kick.store(wanted, std::memory_order_relaxed);
        for (auto &sender : qp.rq.senders)
            sender->header().responder_wants_kick.store(wanted, std::memory_order_relaxed);
    }
    const std::lock_guard hold(qp.sq.lock);
    if (qp.sends_to->is_polled.load(std::memory_order_relaxed)) {
        if (qp.sq.channel != nullptr)
            qp.sq.channel->header().requester_wants_kick.store(0, std::memory_order_relaxed);
    } else {
        advance_sends(qp);  // asks for kicks if something is outstanding
    }
}

void enter_error(Qp &qp, ibv_wc_status oldest_send) noexcept {
    {
        const std::lock_guard hold(qp.sq.lock);
        if (qp.now.exchange(IBV_QPS_ERR, std::memory_order_acq_rel) == IBV_QPS_ERR) return;
        flush_sends(qp, oldest_send);
    }
    const std::lock_guard hold(qp.rq.lock);
    turn_senders_away(qp.rq);
    flush_receives(qp);
}

void attach_responder(Qp &qp, std::unique_ptr<RxEnd> end) noexcept {
    {
        const std::lock_guard hold(qp.rq.lock);
        ChannelHeader &header = end->header();
        header.responder_access.store(qp.remote_access.load(std::memory_order_relaxed),
                                      std::memory_order_relaxed);
        header.responder_pd.store(qp.domain_pd->number, std::memory_order_relaxed);
        header.responder_state.store(static_cast<uint32_t>(ResponderState::attached),
                                     std::memory_order_release);
        if (qp.is_datagram)
            qp.rq.senders.push_back(std::move(end));
        else
            qp.rq.channel = std::move(end);
    }
    update_kicks(qp);
    progress(qp, Driver::thread);
}

namespace {

// Takes what a sender left behind, then forgets it. True when the QP must enter the error state.
template <class Matches>
bool drop_senders(Qp &qp, Matches &&matches) noexcept {
    const std::lock_guard hold(qp.rq.lock);
    ReceiveQueue &rq = qp.rq;
    const bool concerned =
        (rq.channel != nullptr && matches(*rq.channel)) ||
        std::any_of(rq.senders.begin(), rq.senders.end(), [&](auto &end) { return matches(*end); });
    if (!concerned) return false;
    rq.sender_left = true;
    const bool failed = take_arrivals(qp);
    rq.sender_left = false;
    if (rq.channel != nullptr && matches(*rq.channel)) rq.channel.reset();
    std::erase_if(rq.senders, [&](auto &end) { return matches(*end); });
    return failed;
}

}  // namespace

void requester_closed(Qp &qp, Link &link, uint32_t channel) noexcept {
    const bool failed =
        drop_senders(qp, [&](RxEnd &end) { return &end.link() == &link && end.id() == channel; });
    if (failed) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
}

void responder_ready(Qp &qp) noexcept {
    {
        const std::lock_guard hold(qp.sq.lock);
        qp.sq.unreachable = false;
        qp.sq.give_up_at_ns = 0;
    }
    progress(qp, Driver::thread);
}

namespace {

// The responder may forget the channel, and what is still in it.
void close_channel(TxEnd &end) noexcept {
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::close);
    packet.channel = end.id();
    end.link().channels.erase(end.id());
    if (!end.link().is_lost()) end.link().send(packet);
}

}  // namespace

void responder_unready(Qp &qp, uint32_t channel) noexcept {
    const std::lock_guard hold(qp.sq.lock);
    // Datagrams to a QP that is not there are lost; the next one asks again.
    for (auto &[qpn, route] : qp.sq.routes)
        if (route != nullptr && route->id() == channel) {
            close_channel(*route);
            route.reset();
        }
    qp.sq.unreachable = true;
    advance_sends(qp);
}

void link_lost(Qp &qp, Link &link) noexcept {
    bool failed = false;
    bool was_ours = false;
    if (link.role() == Link::Role::responder) {
        const auto of_link = [&](RxEnd &end) { return &end.link() == &link; };
        failed = drop_senders(qp, of_link);
        // A connected peer that left without closing its channel first has died.
        was_ours = !qp.is_datagram;
    }
    {
        const std::lock_guard hold(qp.sq.lock);
        for (auto &[qpn, route] : qp.sq.routes)
            if (route != nullptr && &route->link() == &link) route.reset();
        advance_sends(qp);
        if (qp.sq.channel != nullptr && &qp.sq.channel->link() == &link) {
            qp.sq.unreachable = true;
            const bool closed_before =
                qp.sq.channel->header().responder_state.load(std::memory_order_acquire) ==
                static_cast<uint32_t>(ResponderState::closed);
            was_ours = !closed_before || !qp.sq.ring.is_empty();
        }
    }
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    if (failed)
        enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    else if (was_ours && takes_messages(state))
        enter_error(qp, IBV_WC_RETRY_EXC_ERR);
}

void timer_fired(Qp &qp, int64_t now_ns) noexcept {
    bool refused = false;
    {
        const std::lock_guard hold(qp.rq.lock);
        ReceiveQueue &rq = qp.rq;
        if (rq.timer_at_ns <= now_ns) rq.timer_at_ns = 0;
        if (rq.refuse_at_ns > now_ns) ensure_timer(qp, rq.timer_at_ns, rq.refuse_at_ns);
        if (rq.refuse_at_ns != 0 && rq.refuse_at_ns <= now_ns && rq.starved &&
            rq.channel != nullptr) {
            rq.refuse_at_ns = 0;
            rq.channel->refuse(Refusal::rnr);
            rq.channel->link().kick(rq.channel->id());
            refused = true;
        }
    }
    // An RNR that the requester no longer retries ends his QP, not ours.
    if (refused) return;
    bool gave_up = false;
    {
        const std::lock_guard hold(qp.sq.lock);
        SendQueue &sq = qp.sq;
        if (sq.timer_at_ns <= now_ns) sq.timer_at_ns = 0;
        if (sq.give_up_at_ns > now_ns) ensure_timer(qp, sq.timer_at_ns, sq.give_up_at_ns);
        if (sq.give_up_at_ns != 0 && sq.give_up_at_ns <= now_ns) {
            sq.give_up_at_ns = 0;
            if (qp.is_datagram) {
                drop_oldest_datagram(qp);
                advance_sends(qp);
            } else {
                gave_up = sq.unreachable && !sq.ring.is_empty();
            }
        }
    }
    if (gave_up) enter_error(qp, IBV_WC_RETRY_EXC_ERR);
}

void stop_requesting(Qp &qp) noexcept {
    const std::lock_guard hold(qp.sq.lock);
    if (qp.sq.channel != nullptr) close_channel(*qp.sq.channel);
    qp.sq.channel.reset();
    for (auto &[qpn, route] : qp.sq.routes)
        if (route != nullptr) close_channel(*route);
    qp.sq.routes.clear();
    qp.sq.unreachable = false;
    qp.sq.give_up_at_ns = 0;
}

void disconnect(Qp &qp) noexcept {
    stop_requesting(qp);
    const std::lock_guard hold(qp.rq.lock);
    turn_senders_away(qp.rq);
    if (qp.rq.channel != nullptr) qp.rq.channel->link().channels.erase(qp.rq.channel->id());
    qp.rq.channel.reset();
    for (auto &sender : qp.rq.senders)
        sender->link().channels.erase(sender->id());
    qp.rq.senders.clear();
    qp.rq.starved = false;
    qp.rq.refuse_at_ns = 0;
}

void report_qp_event(Qp &qp, ibv_event_type type) noexcept {
    ib_uverbs_async_event_desc event{};
    event.element = reinterpret_cast<uintptr_t>(static_cast<ibv_qp *>(&qp));
    event.event_type = type;
    qp.async_events->write(&event, sizeof event);
}

}  // namespace soft
