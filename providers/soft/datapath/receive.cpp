// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The responder: posting receives, and taking messages out of the channels into them.
//
// A message for which no receive is posted stays in its ring: that is RNR and back-pressure in
// one. Everything that a message says was written by another process and is checked here.
#include "datapath/fence.hpp"
#include "datapath/gather.hpp"
#include "datapath/grh.hpp"
#include "datapath/qp.hpp"
#include "datapath/responder.hpp"
#include "datapath/srq.hpp"
#include "datapath/xrc.hpp"
#include "link/link.hpp"
#include "link/process.hpp"
#include "link/remote_memory.hpp"

#include <verbs/provider.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace soft {

namespace {

void complete(Qp &qp, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status,
              bool solicited) noexcept {
    wc.wr_id = wqe.wr_id;
    wc.status = status;
    wc.qp_num = qp.qp_num;
    push_completion(*qp.rq.completes_to, wc, solicited || status != IBV_WC_SUCCESS, qp.rq.sink);
}

// The receive for the message in hand, or nullptr when none is posted. It stays until finish().
RecvWqe *next_receive(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (rq.srq == nullptr) return rq.ring.is_empty() ? nullptr : &rq.ring.at(rq.ring.head);
    if (!rq.has_taken && !take_from_srq(qp)) return nullptr;
    return &rq.taken->wqe;
}

// Completes the receive in hand.
void finish(Qp &qp, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status, bool solicited) noexcept {
    complete(qp, wqe, wc, status, solicited);
    if (qp.rq.srq == nullptr)
        ++qp.rq.ring.head;
    else
        qp.rq.has_taken = false;
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
    if (!qp.is_reliable || retries >= 7 || rq.refuse_at_ns != 0) return Outcome::starved;
    rq.refuse_at_ns = monotonic_ns() + rq.rnr_timer_ns * retries;
    ensure_timer(qp, rq.timer_at_ns, rq.refuse_at_ns);
    return Outcome::starved;
}

// The receive cannot hold the message: it completes with `status`, and that is our own error; a
// sender that is acknowledged hears of it.
Outcome fail_receive(Qp &qp, RxEnd &end, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status,
                     Refusal why) noexcept {
    finish(qp, wqe, wc, status, true);
    return qp.is_reliable ? refuse(qp, end, why) : Outcome::fatal;
}

Outcome stop(Qp &qp) noexcept {
    qp.rq.stopped = true;
    return Outcome::stopped;
}

// Leaves out of a list of the requester's memory what would come into parts of `memory` that have
// none, and those parts out of `local`. Gives how many bytes are left.
uint64_t leave_out_holes(MemoryList &memory, std::array<iovec, kMaxSge> &local, uint32_t &locals,
                         std::array<iovec, 2 * kMaxSge> &remote, uint32_t &remotes) noexcept {
    const std::array<iovec, 2 *kMaxSge> all = remote;
    uint64_t left = 0;
    iovec piece = all[0];
    uint32_t next = 1;
    locals = 0;
    remotes = 0;
    for (uint32_t i = 0; i < memory.count(); ++i) {
        const iovec &part = memory.parts()[i];
        const bool is_hole = part.iov_base == nullptr;
        if (!is_hole) {
            local[locals++] = part;
            left += part.iov_len;
        }
        // Both lists are of the same length in bytes. Each step ends a part or a piece.
        for (std::size_t wanted = part.iov_len; wanted > 0;) {
            while (piece.iov_len == 0)
                piece = all[next++];
            const std::size_t step = std::min(wanted, piece.iov_len);
            if (!is_hole) remote[remotes++] = {piece.iov_base, step};
            piece.iov_base = static_cast<uint8_t *>(piece.iov_base) + step;
            piece.iov_len -= step;
            wanted -= step;
        }
    }
    return left;
}

// Gets a by-reference message's data out of the requester's memory.
int pull(RxEnd &end, const Arrival &arrival, MemoryList &memory) noexcept {
    std::array<iovec, 2 * kMaxSge> remote;  // with room for pieces of them
    uint32_t count = arrival.payload / sizeof(RemoteSegment);
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
    if (memory.has_holes()) [[unlikely]] {
        std::array<iovec, kMaxSge> local;
        uint32_t locals = 0;
        total = leave_out_holes(memory, local, locals, remote, count);
        return copy_across(end.link().pid(), Direction::from_peer, local.data(), locals,
                           remote.data(), count, total);
    }
    return copy_across(end.link().pid(), Direction::from_peer, memory.parts(), memory.count(),
                       remote.data(), count, total);
}

// Whether a part of a message continues where the last one ended. The first part of a message on an
// unreliable connection also follows a message whose rest was lost.
bool continues(Qp &qp, const Arrival &arrival) noexcept {
    if (arrival.argument == 0 && !qp.is_reliable) qp.rq.partial = 0;
    const bool has_more = (arrival.flags & kFlagMore) != 0;
    const uint32_t offset = arrival.argument;
    return offset == qp.rq.partial &&
           arrival.payload <= arrival.length - std::min(offset, arrival.length) &&
           has_more == (offset + arrival.payload < arrival.length);
}

// Puts a SEND's data, or the part of it that came, into the receive.
__attribute__((noinline)) Outcome place_listed(Qp &qp, RxEnd &end, const Arrival &arrival,
                                               RecvWqe &wqe, ibv_wc &wc) noexcept {
    const bool by_reference = (arrival.flags & kFlagByReference) != 0;
    if (!by_reference && !continues(qp, arrival)) return reject(qp, end, Refusal::invalid_request);
    if (arrival.length > capacity_of(wqe))
        return fail_receive(qp, end, wqe, wc, IBV_WC_LOC_LEN_ERR, Refusal::invalid_request);
    MemoryList memory;
    Process &process = *qp.owner;
    if (!memory.build(process.mrs().home(), process.memory(), qp.rq.pd, IBV_ACCESS_LOCAL_WRITE,
                      wqe.sges(), wqe.sge_count, arrival.length))
        return fail_receive(qp, end, wqe, wc, IBV_WC_LOC_PROT_ERR, Refusal::operation);
    if (by_reference) {
        const int code = pull(end, arrival, memory);
        if (code == ESRCH || end.has_withdrawn()) return stop(qp);
        // Senders keep memory with missing pages to themselves, so those are of the receive.
        const bool is_ours = code == EFAULT && memory.may_fault();
        if (code != 0)
            return fail_receive(qp, end, wqe, wc,
                                is_ours ? IBV_WC_LOC_PROT_ERR : IBV_WC_LOC_QP_OP_ERR,
                                Refusal::operation);
    } else {
        memory.skip(arrival.argument);
        memory.scatter(arrival.data, arrival.payload);
        if (memory.has_faulted())
            return fail_receive(qp, end, wqe, wc, IBV_WC_LOC_PROT_ERR, Refusal::operation);
    }
    return Outcome::taken;
}

// The same; a whole message that came in the ring and goes into one piece needs no list.
Outcome place(Qp &qp, RxEnd &end, const Arrival &arrival, RecvWqe &wqe, ibv_wc &wc) noexcept {
    constexpr unsigned kPartly = kFlagByReference | kFlagMore;
    if ((arrival.flags & kPartly) == 0 && arrival.payload == arrival.length &&
        (arrival.argument | qp.rq.partial) == 0) [[likely]] {
        uint8_t *to = find_plain_piece(qp.owner->mrs().home(), qp.rq.pd, IBV_ACCESS_LOCAL_WRITE,
                                       wqe.sges(), wqe.sge_count, arrival.length);
        if (to != nullptr) {
            copy_short(to, arrival.data, arrival.length);
            return Outcome::taken;
        }
    }
    return place_listed(qp, end, arrival, wqe, wc);
}

// Takes back the binding of the key that came with a SEND whose data is in place. Only to our own
// peer the key meant anything, and he copies nothing while this message of his is not complete: so
// nobody is to be waited for.
Outcome invalidate(Qp &qp, RxEnd &end, const Arrival &arrival, const RecvWqe &wqe,
                   ibv_wc &wc) noexcept {
    if (!qp.is_reliable || arrival.kind != MessageKind::send ||
        (arrival.flags & kFlagImmediate) != 0)
        return reject(qp, end, Refusal::invalid_request);
    const uint32_t key = arrival.imm_be;
    const Unbound unbound = qp.owner->windows().invalidate(key, holder_of_windows(qp));
    if (unbound.key == 0)
        return fail_receive(qp, end, wqe, wc, IBV_WC_REM_INV_REQ_ERR, Refusal::access);
    unbound.region->windows.fetch_sub(1);
    wc.invalidated_rkey = key;
    wc.wc_flags = IBV_WC_WITH_INV;
    return Outcome::taken;
}

// A SEND, or the immediate of an RDMA WRITE, on a connected QP.
Outcome deliver_connected(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    ReceiveQueue &rq = qp.rq;
    // release pairs with the acquire in retire(): what the peer did before it freed is seen.
    if ((arrival.flags & kFlagMore) == 0 && qp.has_one_peer)
        qp.acknowledged.store(arrival.qkey_or_ack, std::memory_order_release);
    const bool is_write = arrival.kind == MessageKind::write_imm;
    // A part of its data was lost, and so is all of the message.
    if (is_write && arrival.length > 0 && std::exchange(rq.write_lost, false)) return Outcome::lost;
    if ((arrival.flags & kFlagByReference) != 0 && (rq.sender_left || end.has_withdrawn()))
        return stop(qp);
    RecvWqe *wqe = next_receive(qp);
    if (wqe == nullptr) return starve(qp, end);

    ibv_wc wc{};
    wc.opcode = is_write ? IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV;
    wc.byte_len = arrival.length;
    wc.src_qp = end.segment().requester_qpn();
    if ((arrival.flags & kFlagImmediate) != 0) {
        wc.imm_data = arrival.imm_be;
        wc.wc_flags = IBV_WC_WITH_IMM;
    }
    if (!is_write && arrival.length > 0) {
        const Outcome placed = place(qp, end, arrival, *wqe, wc);
        if (placed != Outcome::taken) return placed;
        const bool has_more = (arrival.flags & kFlagMore) != 0;
        rq.partial = has_more ? arrival.argument + arrival.payload : 0;
        if (has_more) return Outcome::taken;
    }
    if ((arrival.flags & kFlagInvalidate) != 0) [[unlikely]] {
        const Outcome invalidated = invalidate(qp, end, arrival, *wqe, wc);
        if (invalidated != Outcome::taken) return invalidated;
    }
    finish(qp, *wqe, wc, IBV_WC_SUCCESS, (arrival.flags & kFlagSolicited) != 0);
    return Outcome::taken;
}

// Whether a datagram to this GID is for the QP: the port's own, or a group that it is attached to.
bool is_addressed(const Qp &qp, const uint8_t *gid) noexcept {
    if (!is_multicast(gid)) return owns_gid(*qp.device, gid);
    return std::any_of(qp.rq.groups.begin(), qp.rq.groups.end(), [gid](const Gid &group) {
        return std::memcmp(group.data(), gid, group.size()) == 0;
    });
}

// A datagram. What does not fit this QP is dropped without a word (IBTA 9.8.3).
Outcome deliver_datagram(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    if (arrival.kind != MessageKind::send || arrival.payload < sizeof(DatagramPrefix) ||
        arrival.payload - sizeof(DatagramPrefix) != arrival.length ||
        arrival.qkey_or_ack != qp.qkey.load(std::memory_order_relaxed))
        return Outcome::taken;
    DatagramPrefix path;
    std::memcpy(&path, arrival.data, sizeof path);
    if (!is_addressed(qp, path.dgid)) return Outcome::taken;
    RecvWqe *wqe = next_receive(qp);
    if (wqe == nullptr) return starve(qp, end);

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
    if (wc.byte_len > capacity_of(*wqe)) {
        status = IBV_WC_LOC_LEN_ERR;
    } else if (!memory.build(qp.owner->mrs().home(), qp.owner->memory(), qp.rq.pd,
                             IBV_ACCESS_LOCAL_WRITE, wqe->sges(), wqe->sge_count, wc.byte_len)) {
        status = IBV_WC_LOC_PROT_ERR;
    } else {
        const Grh grh = make_grh(path, arrival.length);
        wc.sl = grh.service_level;
        wc.slid = path.slid;
        memory.scatter(grh.bytes.data(), kGrhBytes);
        memory.scatter(arrival.data + sizeof path, arrival.length);
        if (memory.has_faulted()) status = IBV_WC_LOC_PROT_ERR;
    }
    finish(qp, *wqe, wc, status, (arrival.flags & kFlagSolicited) != 0);
    return status == IBV_WC_SUCCESS ? Outcome::taken : Outcome::fatal;
}

Outcome deliver_by_kind(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    switch (arrival.kind) {
    case MessageKind::send:
    case MessageKind::write_imm:
        return deliver_connected(qp, end, arrival);
    case MessageKind::write:
        return serve_write(qp, end, arrival);
    case MessageKind::read:
        return serve_read(qp, end, arrival);
    case MessageKind::atomic:
        return serve_atomic(qp, end, arrival);
    case MessageKind::fatal:
        if (!qp.is_reliable) return Outcome::lost;
        report_qp_event(qp, static_cast<Refusal>(arrival.argument) == Refusal::access
                                ? IBV_EVENT_QP_ACCESS_ERR
                                : IBV_EVENT_QP_REQ_ERR);
        return Outcome::fatal;
    default:
        return refuse(qp, end, Refusal::invalid_request);
    }
}

// A message for a receive queue of the XRC domain.
Outcome deliver_xrc(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    if (arrival.kind == MessageKind::fatal || choose_srq(qp, end, arrival.qkey_or_ack))
        return deliver_by_kind(qp, end, arrival);
    report_qp_event(qp, IBV_EVENT_QP_REQ_ERR);
    return refuse(qp, end, Refusal::invalid_request);
}

Outcome deliver(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    if (arrival.kind == MessageKind::pad) return Outcome::taken;
    if (qp.has_one_peer) [[likely]]
        return deliver_by_kind(qp, end, arrival);
    return qp.is_xrc ? deliver_xrc(qp, end, arrival) : deliver_datagram(qp, end, arrival);
}

// The same for a queue pair with faults.
__attribute__((noinline)) Outcome deliver_or_fault(Qp &qp, RxEnd &end,
                                                   const Arrival &arrival) noexcept {
    switch (meet(qp, end, arrival)) {
    case Meeting::wait:
        qp.rq.starved = true;
        return Outcome::starved;
    case Meeting::dead_peer:
        return qp.is_reliable ? Outcome::fatal : Outcome::lost;
    case Meeting::nothing:
        break;
    }
    return deliver(qp, end, arrival);
}

// Takes all that waits in one channel. True when the QP must enter the error state.
bool drain(Qp &qp, RxEnd &end) noexcept {
    bool took = false;
    Outcome outcome = Outcome::taken;
    Arrival arrival;
    while (outcome == Outcome::taken || outcome == Outcome::lost) {
        const Arrived arrived = end.look(arrival);
        if (arrived == Arrived::nothing) break;
        if (arrived == Arrived::garbage) {
            verbs::provider::Host::log(VERBS_HOST_LOG_ERROR,
                                       "QP 0x%x: process %d wrote garbage into its ring", qp.qp_num,
                                       static_cast<int>(end.link().pid()));
            outcome = refuse(qp, end, Refusal::invalid_request);
            break;
        }
        outcome = qp.has_faults ? deliver_or_fault(qp, end, arrival) : deliver(qp, end, arrival);
        if (outcome == Outcome::taken || outcome == Outcome::lost) {
            end.step_over(arrival);
            took = true;
            qp.rq.refuse_at_ns = 0;  // the next message's retries are counted anew
        }
    }
    if (took) {
        qp.rq.acknowledgement.store(end.acknowledgement(), std::memory_order_release);
        if (end.owes_acknowledgement()) end.acknowledge();
        end.fence_before_look();
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
    rq.stopped = false;
    if (rq.channel != nullptr) {
        rq.is_broken = drain(qp, *rq.channel);
    } else {
        rq.is_broken = std::any_of(rq.senders.begin(), rq.senders.end(),
                                   [&](auto &sender) { return drain(qp, *sender); });
    }
    return rq.is_broken;
}

void flush_receives(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (rq.taken != nullptr) {
        // What is in the SRQ is for the others; the receive in hand was this one's.
        if (rq.has_taken) {
            ibv_wc wc{};
            wc.opcode = IBV_WC_RECV;
            finish(qp, rq.taken->wqe, wc, IBV_WC_WR_FLUSH_ERR, true);
        }
        report_qp_event(qp, IBV_EVENT_QP_LAST_WQE_REACHED);
    }
    for (; rq.ring.head != rq.ring.tail; ++rq.ring.head) {
        ibv_wc wc{};
        wc.opcode = IBV_WC_RECV;
        complete(qp, rq.ring.at(rq.ring.head), wc, IBV_WC_WR_FLUSH_ERR, true);
    }
    rq.starved = false;
    rq.partial = 0;
    rq.refuse_at_ns = 0;
}

void discard_receives(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    rq.ring.head = rq.ring.tail = 0;
    rq.has_taken = false;
    rq.partial = 0;
    rq.write_lost = false;
    rq.is_broken = false;
}

int post_recv(ibv_qp *ibqp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    ReceiveQueue &rq = qp.rq;
    int code = 0;
    bool failed = false;
    rq.lock.lock();
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    for (; wr != nullptr; wr = wr->next) {
        if (state == IBV_QPS_RESET || rq.srq != nullptr || wr->num_sge < 0 ||
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
    // With an SRQ nothing was posted, and the last of its receives has been told of.
    if (state == IBV_QPS_ERR && rq.srq == nullptr)
        flush_receives(qp);
    else if (rq.starved)
        failed = take_arrivals(qp);
    rq.lock.unlock();
    if (failed) enter_error(qp, IBV_WC_WR_FLUSH_ERR);
    return code;
}

}  // namespace soft
