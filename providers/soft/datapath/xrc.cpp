// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who is in an XRC domain, finding the receive queue of a message, and choosing a sender's channel.
#include "datapath/xrc.hpp"

#include "datapath/srq.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <rdma/ib_user_verbs.h>

#include <algorithm>
#include <mutex>

namespace soft {

namespace {

// The longest that IBTA table 45 has.
constexpr uint32_t kLongestRnrTimerNs = 655'360'000;

void store_domain(ChannelHeader &header, const XrcDomainId &id) noexcept {
    for (std::size_t i = 0; i < id.size(); ++i)
        header.xrc_domain[i].store(id[i], std::memory_order_relaxed);
}

XrcDomainId load_domain(const ChannelHeader &header) noexcept {
    XrcDomainId id;
    for (std::size_t i = 0; i < id.size(); ++i)
        id[i] = header.xrc_domain[i].load(std::memory_order_relaxed);
    return id;
}

}  // namespace

XrcDomain::~XrcDomain() {
    hub.owner->drop_name(*this);
}

void join_domain(Qp &qp) {
    XrcDomain &domain = *qp.xrc;
    qp.rq.taken = std::make_unique<ReceiveQueue::Taken>();
    for (const auto &[number, srq] : domain.queues) {
        const std::lock_guard hold(srq->lock);
        srq->waiting.reserve(domain.hub.polled.size() + 1);
    }
    join_queue(domain.hub, qp);
}

void leave_domain(Qp &qp) noexcept {
    leave_queue(qp.xrc->hub, qp);
    wait_for_no_srq(qp);
}

void wait_for_no_srq(Qp &qp) noexcept {
    for (const auto &[number, srq] : qp.xrc->queues) {
        const std::lock_guard driving(srq->drive_lock);
        const std::lock_guard hold(srq->lock);
        std::erase(srq->waiting, &qp);
    }
    qp.rq.waits_for_srq = false;
}

void join_domain(Srq &srq) {
    XrcDomain &domain = *srq.xrc;
    srq.waiting.reserve(domain.hub.polled.size());
    join_hub(*srq.completes_to, domain.hub);
    try {
        const std::lock_guard hold(domain.lock);
        domain.queues[srq.number] = &srq;
    } catch (...) {
        leave_hub(*srq.completes_to, domain.hub);
        throw;
    }
}

namespace {

void forget_queue(XrcDomain &domain, const Srq &srq) noexcept {
    const std::lock_guard polling(domain.hub.progress_lock);
    for (Qp *qp : domain.hub.polled) {
        {
            const std::lock_guard hold(qp->rq.lock);
            if (qp->rq.srq != &srq) continue;
            qp->rq.srq = nullptr;
            qp->rq.has_taken = false;
        }
        progress(*qp);  // what waited for a receive is refused
    }
}

}  // namespace

void leave_domain(Srq &srq) noexcept {
    XrcDomain &domain = *srq.xrc;
    {
        const std::lock_guard hold(domain.lock);
        domain.queues.erase(srq.number);
    }
    {
        const std::lock_guard driving(srq.drive_lock);
        const std::lock_guard hold(srq.lock);
        for (Qp *qp : srq.waiting)
            qp->rq.waits_for_srq = false;
        srq.waiting.clear();
    }
    forget_queue(domain, srq);
    leave_hub(*srq.completes_to, domain.hub);
}

namespace {

// Whether a stand-in is of the domain, by what the requester says of the queue pair.
bool take_word(Qp &qp, const ChannelHeader &header) noexcept {
    qp.remote_access.store(header.responder_access.load(std::memory_order_relaxed),
                           std::memory_order_relaxed);
    qp.rq.rnr_timer_ns =
        std::min(header.xrc_rnr_timer_ns.load(std::memory_order_relaxed), kLongestRnrTimerNs);
    return load_domain(header) == qp.xrc->id;
}

// A receive that came while the queue pair was driven by another hand may have left it on the list.
void wait_no_more(Qp &qp) noexcept {
    Srq *srq = qp.rq.srq;
    if (srq == nullptr) return;
    const std::lock_guard hold(srq->lock);
    std::erase(srq->waiting, &qp);
    qp.rq.waits_for_srq = false;
}

}  // namespace

bool choose_srq(Qp &qp, RxEnd &end, uint32_t number) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (is_stand_in(qp) && !take_word(qp, end.header())) return false;
    if (rq.srq != nullptr && rq.srq->number == number) [[likely]]
        return true;
    // A receive was taken for the parts of one message, which all name the same queue.
    if (rq.has_taken) return false;
    Srq *srq = qp.xrc->find(number);
    if (srq == nullptr) return false;
    wait_no_more(qp);
    rq.srq = srq;
    rq.completes_to = srq->completes_to;
    rq.pd = srq->domain->number;
    return true;
}

void introduce_xrc(const Qp &qp, ChannelHeader &header) noexcept {
    if (is_stand_in(qp)) return;
    store_domain(header, qp.xrc->id);
    header.xrc_rnr_timer_ns.store(static_cast<uint32_t>(qp.rq.rnr_timer_ns),
                                  std::memory_order_relaxed);
}

void report_event(XrcTarget &target, ibv_event_type type) noexcept {
    const std::lock_guard hold(target.lock);
    for (Qp *handle : target.handles)
        report_qp_event(*handle, type);
    for (const XrcTarget::Guest &guest : target.guests) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::qp_event);
        packet.channel = guest.channel;
        packet.status = static_cast<int32_t>(type);
        guest.link->send(packet);
    }
}

XrcRoute *find_route(SendQueue &sq, uint32_t block) noexcept {
    const auto found = std::find_if(sq.xrc_routes.begin(), sq.xrc_routes.end(),
                                    [&](const XrcRoute &route) { return route.block == block; });
    return found != sq.xrc_routes.end() ? &*found : nullptr;
}

void use_route(SendQueue &sq, std::size_t route) noexcept {
    sq.xrc_routes[sq.xrc_route].parked = std::move(sq.channel);
    sq.channel = std::move(sq.xrc_routes[route].parked);
    sq.xrc_route = route;
}

namespace {

void store_if_new(std::atomic<uint32_t> &to, const std::atomic<uint32_t> &from) noexcept {
    const uint32_t value = from.load(std::memory_order_relaxed);
    if (to.load(std::memory_order_relaxed) != value) to.store(value, std::memory_order_relaxed);
}

// Tells a stand-in of the queue pair; the tag of the next message is what makes it seen.
void pass_on(const ChannelHeader &peer, ChannelHeader &further) noexcept {
    const XrcDomainId id = load_domain(peer);
    if (load_domain(further) != id) store_domain(further, id);
    store_if_new(further.responder_access, peer.responder_access);
    store_if_new(further.xrc_rnr_timer_ns, peer.xrc_rnr_timer_ns);
}

// Has the channel in use lead to the request's receive queue. Done: it does.
Transmission choose_route(SendQueue &sq, const SendWqe &wqe, bool may_change) noexcept {
    const TxEnd *peer = channel_to_peer(sq);
    if (peer == nullptr) return kWait;
    XrcRoute *route = &sq.xrc_routes[sq.xrc_route];
    const uint32_t block = block_of(wqe.qkey_or_srqn);
    if (route->block != block) [[unlikely]] {
        if (!may_change) return kWait;
        route = find_route(sq, block);
        if (route == nullptr) return kWait;  // it is about to be opened
        if (!route->is_refused) use_route(sq, static_cast<std::size_t>(route - &sq.xrc_routes[0]));
    }
    if (route->is_refused)
        return may_change ? Transmission{Step::failed, IBV_WC_REM_INV_REQ_ERR} : kWait;
    if (sq.xrc_route == 0) return kDone;
    // Without the peer there is no connection, whoever has the receive queue.
    if (!peer->is_attached()) return kWait;
    pass_on(peer->header(), sq.channel->header());
    return kDone;
}

}  // namespace

Transmission transmit_xrc(Qp &qp, SendWqe &wqe, Untold &untold) noexcept {
    SendQueue &sq = qp.sq;
    if (wqe.opcode < kOpcodeBind) {  // what is beyond stays here
        const Transmission chosen = choose_route(sq, wqe, is_oldest(qp));
        if (chosen.step != Step::done) return chosen;
        if (untold.channel != sq.channel.get()) tell(untold, sq.channel.get());
    }
    return transmit_connected(qp, wqe);
}

}  // namespace soft
