// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the responder does not carry out: ending a conversation, and turning senders away.
#include "datapath/responder.hpp"
#include "link/link.hpp"

namespace soft {

Outcome refuse(Qp &qp, RxEnd &end, Refusal why) noexcept {
    end.refuse(why);
    end.fence_before_look();
    if (end.header().requester_wants_kick.exchange(0, std::memory_order_relaxed) != 0 ||
        !qp.receives_to->is_polled.load(std::memory_order_relaxed))
        end.link().kick(end.id());
    return Outcome::fatal;
}

Outcome reject(Qp &qp, RxEnd &end, Refusal why) noexcept {
    if (qp.is_reliable) return refuse(qp, end, why);
    qp.rq.partial = 0;
    return Outcome::lost;
}

Outcome deny(Qp &qp, RxEnd &end) noexcept {
    if (qp.is_reliable) report_qp_event(qp, IBV_EVENT_QP_ACCESS_ERR);
    return reject(qp, end, Refusal::access);
}

namespace {

// Tells a sender that nobody will take his messages any more.
void turn_away(RxEnd &end) noexcept {
    end.header().responder_state.store(static_cast<uint32_t>(ResponderState::closed),
                                       std::memory_order_release);
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::closed);
    packet.channel = end.id();
    if (!end.link().is_lost()) end.link().send(packet);
}

}  // namespace

void turn_senders_away(ReceiveQueue &rq) noexcept {
    if (rq.channel != nullptr) turn_away(*rq.channel);
    for (auto &sender : rq.senders)
        turn_away(*sender);
}

}  // namespace soft
