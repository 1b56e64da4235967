// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The responder: posting receives, and taking messages out of the channels into them.
//
// A message for which no receive is posted stays in its ring: that is RNR and back-pressure in
// one. Everything that a message says was written by another process and is checked here.
#include "datapath/fence.hpp"
#include "datapath/gather.hpp"
#include "datapath/grh.hpp"
#include "datapath/qp.hpp"
#include "link/link.hpp"
#include "link/process.hpp"
#include "link/remote_memory.hpp"

#include <verbs/provider.hpp>

#include <algorithm>
#include <cerrno>
#include <mutex>

namespace soft {

namespace {

enum class Outcome {
    taken,    // done with; go on
    starved,  // needs a receive that is not posted
    stopped,  // the sender's process is gone, its hang-up will be handled
    fatal,    // the QP must enter the error state
};

void complete(Qp &qp, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status,
              bool solicited) noexcept {
    wc.wr_id = wqe.wr_id;
    wc.status = status;
    wc.qp_num = qp.qp_num;
    push_completion(*qp.receives_to, wc, solicited || status != IBV_WC_SUCCESS);
}

uint64_t capacity_of(RecvWqe &wqe) noexcept {
    uint64_t total = 0;
    for (uint32_t i = 0; i < wqe.sge_count; ++i)
        total += wqe.sges()[i].length;
    return total;
}

// Starts the clock that the requester's RNR retry count sets. IBTA 9.7.5.2.8: 7 is for ever.
Outcome starve(Qp &qp, RxEnd &end) noexcept {
    ReceiveQueue &rq = qp.rq;
    rq.starved = true;
    const uint32_t retries = end.segment().rnr_retry();
    if (end.segment().kind() == ChannelKind::ud || retries >= 7 || rq.refuse_at_ns != 0)
        return Outcome::starved;
    rq.refuse_at_ns = monotonic_ns() + rq.rnr_timer_ns * retries;
    ensure_timer(qp, rq.timer_at_ns, rq.refuse_at_ns);
    return Outcome::starved;
}

// Ends the conversation for a reason that both sides get to know.
Outcome refuse(Qp &qp, RxEnd &end, Refusal why) noexcept {
    end.refuse(why);
    publish_before_look();
    if (end.header().requester_wants_kick.exchange(0, std::memory_order_relaxed) != 0 ||
        !qp.receives_to->is_polled.load(std::memory_order_relaxed))
        end.link().kick(end.id());
    return Outcome::fatal;
}

// Gets a by-reference message's data out of the requester's memory.
int pull(RxEnd &end, const Arrival &arrival, MemoryList &memory) noexcept {
    iovec remote[kMaxSge];
    const uint32_t count = arrival.payload / sizeof(RemoteSegment);
    if (count == 0 || count > kMaxSge) return EPROTO;
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; ++i) {
        RemoteSegment segment;
        std::memcpy(&segment, arrival.data + i * sizeof segment, sizeof segment);
        if (segment.length > arrival.length) return EPROTO;
        total += segment.length;
        remote[i] = {reinterpret_cast<void *>(segment.address),
                     static_cast<std::size_t>(segment.length)};
    }
    if (total != arrival.length) return EPROTO;
    if (!end.link().reaches_peer()) return EPERM;
    return copy_across(end.link().pid(), Direction::from_peer, memory.parts(), memory.count(),
                       remote, count, total);
}

// A SEND, or the immediate of an RDMA WRITE, on a connected QP.
Outcome deliver_connected(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (rq.ring.is_empty()) return starve(qp, end);
    RecvWqe &wqe = rq.ring.at(rq.ring.head);
    const bool by_reference = (arrival.flags & kFlagByReference) != 0;
    if (by_reference && rq.sender_left) return Outcome::stopped;
    const bool is_write = arrival.kind == MessageKind::write_imm;

    ibv_wc wc{};
    wc.opcode = is_write ? IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV;
    wc.byte_len = arrival.length;
    wc.src_qp = end.segment().requester_qpn();
    if ((arrival.flags & kFlagImmediate) != 0) {
        wc.imm_data = arrival.imm_be;
        wc.wc_flags = IBV_WC_WITH_IMM;
    }
    const bool has_more = (arrival.flags & kFlagMore) != 0;
    if (!is_write && arrival.length > 0) {
        // A message in parts: each continues where the last one ended, the last one completes.
        const uint32_t offset = by_reference ? 0 : arrival.argument;
        if (!by_reference && (offset != rq.partial ||
                              arrival.payload > arrival.length - std::min(offset, arrival.length) ||
                              has_more != (offset + arrival.payload < arrival.length)))
            return refuse(qp, end, Refusal::invalid_request);
        if (arrival.length > capacity_of(wqe)) {
            complete(qp, wqe, wc, IBV_WC_LOC_LEN_ERR, true);
            ++rq.ring.head;
            return refuse(qp, end, Refusal::invalid_request);
        }
        MemoryList memory;
        if (!memory.build(qp.owner->mrs().home(), qp.domain_pd->number, IBV_ACCESS_LOCAL_WRITE,
                          wqe.sges(), wqe.sge_count, arrival.length)) {
            complete(qp, wqe, wc, IBV_WC_LOC_PROT_ERR, true);
            ++rq.ring.head;
            return refuse(qp, end, Refusal::operation);
        }
        if (by_reference) {
            const int code = pull(end, arrival, memory);
            if (code == ESRCH) return Outcome::stopped;
            if (code != 0) {
                complete(qp, wqe, wc, IBV_WC_LOC_QP_OP_ERR, true);
                ++rq.ring.head;
                return refuse(qp, end, Refusal::operation);
            }
        } else {
            memory.skip(offset);
            memory.scatter(arrival.data, arrival.payload);
            rq.partial = has_more ? offset + arrival.payload : 0;
            if (has_more) return Outcome::taken;
        }
    }
    complete(qp, wqe, wc, IBV_WC_SUCCESS, (arrival.flags & kFlagSolicited) != 0);
    ++rq.ring.head;
    return Outcome::taken;
}

// A write or read that the requester could not carry out himself.
Outcome serve_one_sided(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    const bool is_read = arrival.kind == MessageKind::read;
    OneSided place;
    if (arrival.payload < sizeof place) return refuse(qp, end, Refusal::invalid_request);
    std::memcpy(&place, arrival.data, sizeof place);
    const uint32_t carried = arrival.payload - static_cast<uint32_t>(sizeof place);
    const uint32_t offset = arrival.argument;
    if ((is_read ? place.length > kReplyBytes : place.length != carried) ||
        offset > arrival.length || place.length > arrival.length - offset)
        return refuse(qp, end, Refusal::invalid_request);
    const uint32_t needed = is_read ? IBV_ACCESS_REMOTE_READ : IBV_ACCESS_REMOTE_WRITE;
    if ((qp.remote_access.load(std::memory_order_relaxed) & needed) == 0)
        return refuse(qp, end, Refusal::invalid_request);
    // All of the request must be allowed before its first byte moves.
    uint64_t address = 0;
    if (!translate(qp.owner->mrs().home(), place.rkey, place.address - offset, arrival.length,
                   needed, qp.domain_pd->number, address)) {
        report_qp_event(qp, IBV_EVENT_QP_ACCESS_ERR);
        return refuse(qp, end, Refusal::access);
    }
    address += offset;
    if (is_read)
        std::memcpy(end.segment().reply(), reinterpret_cast<const void *>(address), place.length);
    else
        std::memcpy(reinterpret_cast<void *>(address), arrival.data + sizeof place, place.length);
    return Outcome::taken;
}

// A datagram. What does not fit this QP is dropped without a word (IBTA 9.8.3).
Outcome deliver_datagram(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (arrival.kind != MessageKind::send || arrival.payload < sizeof(DatagramPrefix) ||
        arrival.payload - sizeof(DatagramPrefix) != arrival.length ||
        arrival.qkey != qp.qkey.load(std::memory_order_relaxed))
        return Outcome::taken;
    DatagramPrefix path;
    std::memcpy(&path, arrival.data, sizeof path);
    if (!owns_gid(*qp.device, path.dgid)) return Outcome::taken;
    if (rq.ring.is_empty()) return starve(qp, end);
    RecvWqe &wqe = rq.ring.at(rq.ring.head);

    ibv_wc wc{};
    wc.opcode = IBV_WC_RECV;
    wc.byte_len = kGrhBytes + arrival.length;
    wc.src_qp = end.segment().requester_qpn();
    wc.wc_flags = (path.flags & kPathWithoutGrh) != 0 ? 0 : IBV_WC_GRH;
    if ((arrival.flags & kFlagImmediate) != 0) {
        wc.imm_data = arrival.imm_be;
        wc.wc_flags |= IBV_WC_WITH_IMM;
    }
    MemoryList memory;
    ibv_wc_status status = IBV_WC_SUCCESS;
    if (wc.byte_len > capacity_of(wqe)) {
        status = IBV_WC_LOC_LEN_ERR;
    } else if (!memory.build(qp.owner->mrs().home(), qp.domain_pd->number, IBV_ACCESS_LOCAL_WRITE,
                             wqe.sges(), wqe.sge_count, wc.byte_len)) {
        status = IBV_WC_LOC_PROT_ERR;
    } else {
        const Grh grh = make_grh(path, arrival.length);
        wc.sl = grh.service_level;
        wc.slid = path.slid;
        memory.scatter(grh.bytes.data(), kGrhBytes);
        memory.scatter(arrival.data + sizeof path, arrival.length);
    }
    complete(qp, wqe, wc, status, (arrival.flags & kFlagSolicited) != 0);
    ++rq.ring.head;
    return status == IBV_WC_SUCCESS ? Outcome::taken : Outcome::fatal;
}

Outcome deliver(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    if (arrival.kind == MessageKind::pad) return Outcome::taken;
    if (qp.is_datagram) return deliver_datagram(qp, end, arrival);
    switch (arrival.kind) {
    case MessageKind::send:
    case MessageKind::write_imm:
        return deliver_connected(qp, end, arrival);
    case MessageKind::write:
    case MessageKind::read:
        return serve_one_sided(qp, end, arrival);
    case MessageKind::fatal:
        report_qp_event(qp, static_cast<Refusal>(arrival.argument) == Refusal::access
                                ? IBV_EVENT_QP_ACCESS_ERR
                                : IBV_EVENT_QP_REQ_ERR);
        return Outcome::fatal;
    default:
        return refuse(qp, end, Refusal::invalid_request);
    }
}

// Takes all that waits in one channel. True when the QP must enter the error state.
bool drain(Qp &qp, RxEnd &end) noexcept {
    bool took = false;
    Outcome outcome = Outcome::taken;
    Arrival arrival;
    while (outcome == Outcome::taken) {
        const Arrived arrived = end.look(arrival);
        if (arrived == Arrived::nothing) break;
        if (arrived == Arrived::garbage) {
            verbs::provider::Host::log(VERBS_HOST_LOG_ERROR,
                                       "QP 0x%x: process %d wrote garbage into its ring", qp.qp_num,
                                       static_cast<int>(end.link().pid()));
            outcome = refuse(qp, end, Refusal::invalid_request);
            break;
        }
        outcome = deliver(qp, end, arrival);
        if (outcome == Outcome::taken) {
            end.release(arrival);
            took = true;
        }
    }
    if (took) {
        qp.rq.refuse_at_ns = 0;
        publish_before_look();
        std::atomic<uint32_t> &wants = end.header().requester_wants_kick;
        if (wants.load(std::memory_order_relaxed) != 0 &&
            wants.exchange(0, std::memory_order_relaxed) != 0)
            end.link().kick(end.id());
    }
    return outcome == Outcome::fatal;
}

}  // namespace

bool take_arrivals(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    if (!takes_messages(state)) return false;
    if (rq.is_broken) return false;
    rq.starved = false;
    if (rq.channel != nullptr) {
        rq.is_broken = drain(qp, *rq.channel);
    } else {
        rq.is_broken = std::any_of(rq.senders.begin(), rq.senders.end(),
                                   [&](auto &sender) { return drain(qp, *sender); });
    }
    return rq.is_broken;
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

void flush_receives(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    for (; rq.ring.head != rq.ring.tail; ++rq.ring.head) {
        ibv_wc wc{};
        wc.opcode = IBV_WC_RECV;
        complete(qp, rq.ring.at(rq.ring.head), wc, IBV_WC_WR_FLUSH_ERR, true);
    }
    rq.starved = false;
    rq.partial = 0;
    rq.refuse_at_ns = 0;
}

int post_recv(ibv_qp *ibqp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    ReceiveQueue &rq = qp.rq;
    int code = 0;
    bool failed = false;
    rq.lock.lock();
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    for (; wr != nullptr; wr = wr->next) {
        if (state == IBV_QPS_RESET || wr->num_sge < 0 ||
            static_cast<uint32_t>(wr->num_sge) > qp.max_recv_sge)
            code = EINVAL;
        else if (rq.ring.is_full())
            code = ENOMEM;
        if (code != 0) {
            *bad_wr = wr;
            break;
        }
        RecvWqe &wqe = rq.ring.at(rq.ring.tail++);
        wqe.wr_id = wr->wr_id;
        wqe.sge_count = static_cast<uint32_t>(wr->num_sge);
        for (int i = 0; i < wr->num_sge; ++i)
            wqe.sges()[i] = wr->sg_list[i];
    }
    if (state == IBV_QPS_ERR)
        flush_receives(qp);
    else if (rq.starved)
        failed = take_arrivals(qp);
    rq.lock.unlock();
    if (failed) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    return code;
}

}  // namespace soft
