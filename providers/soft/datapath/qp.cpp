// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What drives a queue pair besides posting: the engine's turn, peers that come and go, timers, and
// the way into the error state.
#include "datapath/qp.hpp"

#include "datapath/fence.hpp"
#include "datapath/tags.hpp"
#include "datapath/xrc.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <ctime>
#include <mutex>

namespace soft {

namespace {

template <class Visit>
void for_each_sender(ReceiveQueue &rq, Visit &&visit) {
    if (rq.channel != nullptr) visit(*rq.channel);
    for (auto &sender : rq.senders)
        visit(*sender);
}

// The channel of a connection, and those of XRC that are not in use.
template <class Visit>
void for_each_connection(SendQueue &sq, Visit &&visit) {
    if (sq.channel != nullptr) visit(*sq.channel);
    for (XrcRoute &route : sq.xrc_routes)
        if (route.parked != nullptr) visit(*route.parked);
}

// Asks every sender to wake us from now on. True when something came in meanwhile.
bool ask_senders_for_kicks(ReceiveQueue &rq) noexcept {
    bool came_in = false;
    for_each_sender(rq, [](RxEnd &end) {
        end.header().responder_wants_kick.store(1, std::memory_order_relaxed);
    });
    for_each_sender(rq, [&](RxEnd &end) {
        publish_before_look(end.header().requester_skips_fences);
        came_in = came_in || end.has_message();
    });
    return came_in;
}

// The thread's turn on the receive queue: all that waits, and kicks for what comes.
Turn take_all_arrivals(Qp &qp) noexcept {
    for (;;) {
        if (const Turn turn = take_arrivals(qp); turn != Turn::over) return turn;
        const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
        if (!takes_messages(state)) return Turn::over;
        if (qp.receives_to->is_polled.load(std::memory_order_relaxed)) return Turn::over;
        // A starved queue is woken by post_recv, not by what waits in the ring already; a stopped
        // one by its sender's end, which this thread will not see before it is done here.
        if (!ask_senders_for_kicks(qp.rq) || qp.rq.starved || qp.rq.stopped) return Turn::over;
    }
}

bool has_arrivals(const ReceiveQueue &rq) noexcept {
    if (rq.channel != nullptr) return rq.channel->has_message();
    return std::any_of(rq.senders.begin(), rq.senders.end(),
                       [](const auto &sender) { return sender->has_message(); });
}

bool can_advance(const Qp &qp) noexcept {
    const SendQueue &sq = qp.sq;
    const uint64_t awaited = sq.awaits.load(std::memory_order_relaxed);
    if (awaited == kNothingToDo) return false;
    if (awaited == kAlwaysTry || sq.channel == nullptr) return true;
    if (sq.channel->may_free(qp.acknowledged.load(std::memory_order_relaxed), awaited)) return true;
    const ChannelHeader &header = sq.channel->header();
    return header.freed.load(std::memory_order_relaxed) >= awaited ||
           header.refused.load(std::memory_order_relaxed) != 0;
}

}  // namespace

Qp::Qp(Process &process, Pd *domain) noexcept
    : PublicQp{},  // NOLINT(readability-redundant-member-init)
      owner(&process), domain_pd(domain) {}

Qp::~Qp() = default;

namespace {

// Where a queue pair stands among those that complete into a CQ; under its progress_lock.
std::size_t &place_in(Qp &qp, const Cq &cq) noexcept {
    return qp.sends_to == &cq ? qp.place_in_sends_to : qp.place_in_receives_to;
}

}  // namespace

void join_queue(Cq &cq, Qp &qp) {
    const std::lock_guard hold(cq.progress_lock);
    place_in(qp, cq) = cq.polled.size();
    cq.polled.push_back(&qp);
}

void leave_queue(Cq &cq, Qp &qp) noexcept {
    const std::lock_guard hold(cq.progress_lock);
    const std::size_t place = place_in(qp, cq);
    Qp *last = cq.polled.back();
    cq.polled[place] = last;
    place_in(*last, cq) = place;
    cq.polled.pop_back();
}

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

void poll_queues(Qp &qp, Cq &cq, Sink &sink) noexcept {
    // Work that another thread has in hand is left to it.
    if (qp.receives_to == &cq && has_arrivals(qp.rq) && qp.rq.lock.try_lock()) {
        qp.rq.sink = &sink;
        const Turn turn = take_arrivals(qp);
        qp.rq.sink = nullptr;
        qp.rq.lock.unlock();
        if (turn != Turn::over) settle(qp, turn);
    }
    if (qp.sends_to == &cq && can_advance(qp) && qp.sq.lock.try_lock()) {
        qp.sq.sink = &sink;
        advance_sends(qp);
        qp.sq.sink = nullptr;
        qp.sq.lock.unlock();
    }
}

void progress(Qp &qp) noexcept {
    for (;;) {
        qp.rq.lock.lock();
        const Turn turn = take_all_arrivals(qp);
        const uint64_t answer = qp.rq.answer;
        qp.rq.lock.unlock();
        if (turn == Turn::failed) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
        {
            const std::lock_guard hold(qp.sq.lock);
            if (turn == Turn::sends) start_rendezvous(qp);
            advance_sends(qp);
        }
        if (turn != Turn::sends) return;
        const std::lock_guard hold(qp.rq.lock);
        qp.rq.answers_to = std::max(qp.rq.answers_to, answer);
    }
}

void settle(Qp &qp, Turn turn) noexcept {
    if (turn == Turn::failed) return enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    if (turn == Turn::sends) {
        // A rendezvous is out of the ring: progress() finds nothing there that says so.
        const std::lock_guard hold(qp.sq.lock);
        start_rendezvous(qp);
    }
    progress(qp);
}

void update_kicks(Qp &qp) noexcept {
    const auto is_polled = [](const Cq *cq) {
        return cq->is_polled.load(std::memory_order_relaxed);
    };
    // A program in a polling loop posts from it too: there a fence after each message hurts most.
    const bool skips =
        (is_polled(qp.receives_to) || is_polled(qp.sends_to)) && qp.owner->has_barrier();
    // What is told to the peers is looked at under the queue's lock: who changes it comes here
    // after the change, so that the last one who writes has seen the last change.
    {
        const std::lock_guard hold(qp.rq.lock);
        const bool receives_polled = is_polled(qp.receives_to);
        for_each_sender(qp.rq, [&](RxEnd &end) {
            end.header().responder_wants_kick.store(receives_polled ? 0 : 1,
                                                    std::memory_order_relaxed);
            end.skip_fences(skips && end.link().peer_has_barrier());
        });
    }
    const std::lock_guard hold(qp.sq.lock);
    const bool sends_polled = is_polled(qp.sends_to);
    for_each_connection(qp.sq, [&](TxEnd &end) {
        end.skip_fences(skips && end.link().peer_has_barrier());
        if (sends_polled) end.header().requester_wants_kick.store(0, std::memory_order_relaxed);
    });
    if (!sends_polled) advance_sends(qp);  // asks for kicks if something is outstanding
}

void enter_error(Qp &qp, ibv_wc_status oldest_send) noexcept {
    {
        const std::lock_guard hold(qp.sq.lock);
        if (qp.has_faults && qp.faults->lost_peer.load(std::memory_order_relaxed)) {
            // As link_lost(): what the peer had acknowledged before is done.
            advance_sends(qp);
            oldest_send = IBV_WC_RETRY_EXC_ERR;
        }
        if (qp.now.exchange(IBV_QPS_ERR, std::memory_order_acq_rel) == IBV_QPS_ERR) return;
        flush_sends(qp, oldest_send);
    }
    const std::lock_guard hold(qp.rq.lock);
    turn_senders_away(qp.rq);
    flush_receives(qp);
}

void attach_responder(Qp &qp, std::unique_ptr<RxEnd> end) noexcept {
    {
        const std::lock_guard polling(qp.receives_to->progress_lock);
        const std::lock_guard hold(qp.rq.lock);
        ChannelHeader &header = end->header();
        if (qp.is_xrc)
            introduce_xrc(qp, header);
        else
            header.responder_pd.store(qp.domain_pd->number, std::memory_order_relaxed);
        if (!is_stand_in(qp))
            header.responder_access.store(qp.remote_access.load(std::memory_order_relaxed),
                                          std::memory_order_relaxed);
        header.responder_state.store(static_cast<uint32_t>(ResponderState::attached),
                                     std::memory_order_release);
        if (qp.is_datagram) {
            qp.rq.senders.push_back(std::move(end));
        } else {
            // One that is still there was left behind by a peer that does not keep to the protocol.
            if (qp.rq.channel != nullptr) qp.rq.channel->link().channels.erase(qp.rq.channel->id());
            qp.rq.channel = std::move(end);
            qp.rq.acknowledgement.store(qp.rq.channel->acknowledgement(),
                                        std::memory_order_relaxed);
            qp.rq.partial = 0;  // of a message whose requester has begun anew
            qp.rq.answer = qp.rq.answers_to = 0;
            if (qp.rq.tagged != nullptr) discard_part(qp);
        }
        // The QP may have failed since it was found fit: whoever turned its senders away then did
        // not see this one.
        if (qp.now.load(std::memory_order_acquire) == IBV_QPS_ERR) turn_senders_away(qp.rq);
    }
    update_kicks(qp);
    progress(qp);
}

namespace {

// Takes what a sender left behind, then forgets it. True when the QP must enter the error state.
template <class Matches>
bool drop_senders(Qp &qp, Matches &&matches) noexcept {
    const std::lock_guard polling(qp.receives_to->progress_lock);
    const std::lock_guard hold(qp.rq.lock);
    ReceiveQueue &rq = qp.rq;
    const bool concerned =
        (rq.channel != nullptr && matches(*rq.channel)) ||
        std::any_of(rq.senders.begin(), rq.senders.end(), [&](auto &end) { return matches(*end); });
    if (!concerned) return false;
    rq.sender_left = true;
    Turn turn = take_arrivals(qp);
    // What is taken now is not to be had later.
    for (; turn == Turn::sends; turn = take_arrivals(qp))
        rq.answers_to = rq.answer;
    rq.sender_left = false;
    if (rq.channel != nullptr && matches(*rq.channel)) rq.channel.reset();
    std::erase_if(rq.senders, [&](auto &end) { return matches(*end); });
    return turn == Turn::failed;
}

}  // namespace

void requester_closed(Qp &qp, Link &link, uint32_t channel) noexcept {
    const bool failed =
        drop_senders(qp, [&](RxEnd &end) { return &end.link() == &link && end.id() == channel; });
    if (failed) return enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    if (qp.rq.tagged == nullptr) return;
    // What he asked for before he went.
    const std::lock_guard hold(qp.sq.lock);
    start_rendezvous(qp);
    advance_sends(qp);
}

void responder_ready(Qp &qp) noexcept {
    {
        const std::lock_guard hold(qp.sq.lock);
        const TxEnd *peer = channel_to_peer(qp.sq);
        // Turned away already, which may be told before the answer to the opening is. XRC: the
        // answer may be that of another process.
        if (peer != nullptr && (peer->is_closed() || (qp.is_xrc && !peer->is_attached()))) return;
        qp.sq.unreachable = false;
        qp.sq.give_up_at_ns = 0;
    }
    progress(qp);
}

// The responder may forget the channel, and what is still in it.
void close_channel(TxEnd &end) noexcept {
    end.withdraw();
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::close);
    packet.channel = end.id();
    end.link().channels.erase(end.id());
    if (!end.link().is_lost()) end.link().send(packet);
}

namespace {

// A group's member may be found again where it was lost: the next datagram to the group looks.
void doubt_groups(SendQueue &sq) noexcept {
    ++sq.lost_routes;
    for (auto &[gid, group] : sq.groups)
        group.as_of = 0;
}

// A process that has XRC receive queues takes our messages no more. True when some were on their
// way there.
bool lose_route(Qp &qp, std::size_t route) noexcept {
    SendQueue &sq = qp.sq;
    advance_sends(qp);  // what it has done before, or refused
    sq.xrc_routes[route].is_refused = true;
    if (route != sq.xrc_route) return false;
    const bool was_under_way =
        sq.ring.head != sq.sent || (!sq.ring.is_empty() && sq.ring.at(sq.sent).moved != 0);
    if (!was_under_way) advance_sends(qp);  // what waits for it fails
    return was_under_way;
}

// The receive queues are gone, which for a sender is as if they had never been.
void fail_route(Qp &qp) noexcept {
    {
        const std::lock_guard hold(qp.sq.lock);
        tell_refusal(qp, IBV_WC_REM_INV_REQ_ERR);
    }
    enter_error(qp, IBV_WC_REM_INV_REQ_ERR);
}

// False: the link leads to the peer.
bool further_link_lost(Qp &qp, Link &link) noexcept {
    bool failed = false;
    {
        const std::lock_guard polling(qp.sends_to->progress_lock);
        const std::lock_guard hold(qp.sq.lock);
        const std::size_t route =
            find_further_route(qp.sq, [&](const TxEnd &end) { return &end.link() == &link; });
        if (route == 0) return false;
        failed = lose_route(qp, route);
    }
    if (failed) fail_route(qp);
    return true;
}

// False: the channel is the one to the peer.
bool further_responder_unready(Qp &qp, uint32_t channel) noexcept {
    bool failed = false;
    {
        const std::lock_guard polling(qp.sends_to->progress_lock);
        const std::lock_guard hold(qp.sq.lock);
        const std::size_t route =
            find_further_route(qp.sq, [&](const TxEnd &end) { return end.id() == channel; });
        if (route == 0) return false;
        failed = lose_route(qp, route);
    }
    if (failed) fail_route(qp);
    return true;
}

}  // namespace

void responder_unready(Qp &qp, uint32_t channel, bool for_good) noexcept {
    if (qp.is_xrc && further_responder_unready(qp, channel)) return;
    const std::lock_guard polling(qp.sends_to->progress_lock);
    const std::lock_guard hold(qp.sq.lock);
    // What an unreliable sender sends to a QP that is not there is lost; the next post asks again.
    if (!qp.is_reliable && for_good && qp.sq.channel != nullptr && qp.sq.channel->id() == channel) {
        close_channel(*qp.sq.channel);
        qp.sq.channel.reset();
    }
    for (auto &[qpn, route] : qp.sq.routes)
        if (route != nullptr && route->id() == channel) {
            close_channel(*route);
            route.reset();
            doubt_groups(qp.sq);
        }
    qp.sq.unreachable = true;
    advance_sends(qp);
}

void link_lost(Qp &qp, Link &link) noexcept {
    if (qp.is_xrc && further_link_lost(qp, link)) return;
    bool failed = false;
    bool was_ours = false;
    if (link.role() == Link::Role::responder) {
        const auto of_link = [&](RxEnd &end) { return &end.link() == &link; };
        failed = drop_senders(qp, of_link);
        // A connected peer that left without closing its channel first has died. Nobody promised an
        // unreliable one to stay.
        was_ours = qp.is_reliable;
    }
    {
        const std::lock_guard polling(qp.sends_to->progress_lock);
        const std::lock_guard hold(qp.sq.lock);
        for (auto &[qpn, route] : qp.sq.routes)
            if (route != nullptr && &route->link() == &link) {
                route.reset();
                doubt_groups(qp.sq);
            }
        if (!qp.is_reliable && qp.sq.channel != nullptr && &qp.sq.channel->link() == &link)
            qp.sq.channel.reset();
        advance_sends(qp);
        const TxEnd *peer = channel_to_peer(qp.sq);
        if (peer != nullptr && &peer->link() == &link) {
            qp.sq.unreachable = true;
            // A peer that destroyed its queue pair and ended did not die: whoever sends to it waits
            // as long as he asked to (who asked for ever hears of it now).
            was_ours = !peer->is_closed() || (qp.sq.patience_ns == 0 && !qp.sq.ring.is_empty());
            if (!was_ours) advance_sends(qp);  // starts that clock
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
    Turn turn = Turn::over;
    {
        const std::lock_guard hold(qp.rq.lock);
        ReceiveQueue &rq = qp.rq;
        if (rq.timer_at_ns <= now_ns) rq.timer_at_ns = 0;
        // A message that a fault held back may be taken now.
        if (qp.has_faults && rq.starved) turn = take_arrivals(qp);
        if (rq.refuse_at_ns > now_ns) ensure_timer(qp, rq.timer_at_ns, rq.refuse_at_ns);
        if (rq.refuse_at_ns != 0 && rq.refuse_at_ns <= now_ns && rq.starved &&
            rq.channel != nullptr) {
            rq.refuse_at_ns = 0;
            rq.channel->refuse(Refusal::rnr);
            rq.channel->link().kick(rq.channel->id());
            refused = true;
        }
    }
    if (turn != Turn::over) settle(qp, turn);
    if (turn == Turn::failed) return;
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
            if (!qp.is_reliable) {
                drop_oldest_unreliable(qp);
                advance_sends(qp);
            } else {
                gave_up = sq.unreachable && !sq.ring.is_empty();
            }
        }
    }
    if (gave_up) enter_error(qp, IBV_WC_RETRY_EXC_ERR);
}

void stop_requesting(Qp &qp) noexcept {
    const std::lock_guard polling(qp.sends_to->progress_lock);
    const std::lock_guard hold(qp.sq.lock);
    for_each_connection(qp.sq, [](TxEnd &end) { close_channel(end); });
    qp.sq.channel.reset();
    qp.sq.xrc_routes.clear();
    qp.sq.xrc_route = 0;
    for (auto &[qpn, route] : qp.sq.routes)
        if (route != nullptr) close_channel(*route);
    qp.sq.routes.clear();
    doubt_groups(qp.sq);
    qp.sq.unreachable = false;
    qp.sq.give_up_at_ns = 0;
}

void disconnect(Qp &qp) noexcept {
    stop_requesting(qp);
    const std::lock_guard polling(qp.receives_to->progress_lock);
    const std::lock_guard hold(qp.rq.lock);
    turn_senders_away(qp.rq);
    if (qp.rq.channel != nullptr) {
        qp.rq.channel->link().channels.erase(qp.rq.channel->id());
        // Who takes away a region later cannot see this requester's copy any more.
        qp.rq.channel->await_copy();
    }
    qp.rq.channel.reset();
    for (auto &sender : qp.rq.senders)
        sender->link().channels.erase(sender->id());
    qp.rq.senders.clear();
    qp.rq.starved = false;
    qp.rq.refuse_at_ns = 0;
}

void report_qp_event(Qp &qp, ibv_event_type type) noexcept {
    if (qp.target != nullptr) return report_event(*qp.target, type);
    if (qp.async_events == nullptr) return;  // a stand-in, of which no program knows
    ib_uverbs_async_event_desc event{};
    event.element = reinterpret_cast<uintptr_t>(static_cast<ibv_qp *>(&qp));
    event.event_type = type;
    qp.async_events->write(&event, sizeof event);
}

}  // namespace soft
