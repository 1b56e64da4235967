// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The requester's engine: takes requests from the queue in order, puts them on their way, completes
// them in order, and fails them.
#include "datapath/fence.hpp"
#include "datapath/transmit.hpp"
#include "datapath/xrc.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <mutex>

namespace soft {

namespace {

// How long a sender that is not acknowledged waits for room before what it sends is lost. Losing
// messages on a host would only punish programs that are slower than their peers.
constexpr int64_t kUnreliablePatienceNs = 500'000'000;

ibv_wc_opcode completion_opcode(uint8_t opcode) noexcept {
    switch (opcode) {
    case IBV_WR_RDMA_WRITE:
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        return IBV_WC_RDMA_WRITE;
    case IBV_WR_RDMA_READ:
        return IBV_WC_RDMA_READ;
    case IBV_WR_ATOMIC_CMP_AND_SWP:
        return IBV_WC_COMP_SWAP;
    case IBV_WR_ATOMIC_FETCH_AND_ADD:
        return IBV_WC_FETCH_ADD;
    case kOpcodeAtomicWrite:
        return IBV_WC_ATOMIC_WRITE;
    case IBV_WR_FLUSH:
        return IBV_WC_FLUSH;
    case kOpcodeBind:
        return IBV_WC_BIND_MW;
    case kOpcodeInvalidate:
        return IBV_WC_LOCAL_INV;
    case kOpcodeRendezvous:
        return IBV_WC_TM_RECV;
    default:
        return IBV_WC_SEND;
    }
}

bool is_atomic(const SendWqe &wqe) noexcept {
    return wqe.opcode >= IBV_WR_ATOMIC_CMP_AND_SWP && wqe.opcode <= kOpcodeAtomicWrite;
}

void complete(Qp &qp, const SendWqe &wqe, ibv_wc_status status) noexcept {
    if (qp.counters != nullptr) [[unlikely]]
        count_send(qp, wqe.opcode, wqe.length, status);
    if (status == IBV_WC_SUCCESS && !wqe.is_signaled) return;
    ibv_wc wc{};
    wc.wr_id = wqe.wr_id;
    wc.status = status;
    wc.opcode = completion_opcode(wqe.opcode);
    wc.byte_len = wqe.length;
    wc.qp_num = qp.qp_num;
    push_completion(*qp.sends_to, wc, status != IBV_WC_SUCCESS, qp.sq.sink);
}

// The send queue's half of entering the error state; the caller holds its lock.
void fail_sends(Qp &qp, ibv_wc_status oldest) noexcept {
    // Where nobody waits for an acknowledgement only the send queue fails (IBTA 10.3.1.6).
    if (!qp.is_reliable) {
        qp.now.store(IBV_QPS_SQE, std::memory_order_release);
        return flush_sends(qp, oldest);
    }
    qp.now.store(IBV_QPS_ERR, std::memory_order_release);
    flush_sends(qp, oldest);
    const std::lock_guard hold(qp.rq.lock);
    turn_senders_away(qp.rq);
    flush_receives(qp);
}

ibv_wc_status status_of(uint64_t refused) noexcept {
    switch (static_cast<Refusal>(refused & 0xff)) {
    case Refusal::access:
        return IBV_WC_REM_ACCESS_ERR;
    case Refusal::operation:
        return IBV_WC_REM_OP_ERR;
    case Refusal::rnr:
        return IBV_WC_RNR_RETRY_EXC_ERR;
    default:
        return IBV_WC_REM_INV_REQ_ERR;
    }
}

}  // namespace

// The responder learns that we were refused: it enters its error state as if it had refused.
void tell_refusal(Qp &qp, ibv_wc_status status) noexcept {
    TxEnd *channel = channel_to_peer(qp.sq);
    if (channel == nullptr) return;
    const Refusal why =
        status == IBV_WC_REM_ACCESS_ERR ? Refusal::access : Refusal::invalid_request;
    Message *message = channel->reserve(0);
    if (message == nullptr) return;
    message->kind = static_cast<uint8_t>(MessageKind::fatal);
    message->flags = 0;
    message->payload = 0;
    message->length = 0;
    message->argument = static_cast<uint32_t>(why);
    channel->publish(message);
    kick_responder(*channel);
}

namespace {

// Completes what the responder is done with. False when the QP is in error now: it refused a
// message, or what it answered has no place any more.
bool retire(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.channel == nullptr || sq.ring.is_empty()) return true;
    TxEnd &channel = *sq.channel;
    channel.learn(qp.acknowledged.load(std::memory_order_acquire));
    if (sq.ring.head != sq.sent && sq.ring.at(sq.ring.head).end > channel.freed())
        channel.look_at_freed();
    while (sq.ring.head != sq.sent) {
        SendWqe &wqe = sq.ring.at(sq.ring.head);
        if (wqe.end > channel.freed()) break;
        if (is_atomic(wqe) && !take_atomic_result(qp, wqe)) {
            fail_sends(qp, IBV_WC_LOC_PROT_ERR);
            return false;
        }
        complete(qp, wqe, IBV_WC_SUCCESS);
        ++sq.ring.head;
    }
    if (sq.ring.is_empty()) return true;
    // What was refused is the oldest request, be it sent or, in parts, still being sent.
    const uint64_t refused = channel.header().refused.load(std::memory_order_acquire);
    if (refused == 0) return true;
    const ibv_wc_status status = status_of(refused);
    // What a stand-in has refused is the peer's error; a receive that is missing is nobody's.
    if (&channel != channel_to_peer(sq) && status != IBV_WC_RNR_RETRY_EXC_ERR)
        tell_refusal(qp, status);
    fail_sends(qp, status);
    return false;
}

// Nobody takes our messages: give up after the time that the QP's attributes allow.
void start_giving_up(Qp &qp, int64_t patience_ns) noexcept {
    if (qp.sq.give_up_at_ns != 0 || patience_ns == 0) return;
    qp.sq.give_up_at_ns = monotonic_ns() + patience_ns;
    ensure_timer(qp, qp.sq.timer_at_ns, qp.sq.give_up_at_ns);
}

// Asks the responder to wake us when it frees slots, if nobody polls for it. True when it was not
// asked before: what it freed until now came without a kick, so the caller must look again.
bool ask_for_kick(Qp &qp, TxEnd &channel) noexcept {
    if (qp.sends_to->is_polled.load(std::memory_order_relaxed)) return false;
    const bool stalled = qp.sq.sent != qp.sq.ring.tail || qp.sq.is_draining;
    const bool is_expected =
        qp.counters != nullptr || qp.sends_to->armed.load(std::memory_order_relaxed) != Armed::no;
    const bool awaited = is_expected && qp.sq.ring.head != qp.sq.ring.tail;
    if (!stalled && !awaited) return false;
    std::atomic<uint32_t> &wants = channel.header().requester_wants_kick;
    if (wants.load(std::memory_order_relaxed) != 0) return false;
    wants.store(1, std::memory_order_relaxed);
    publish_before_look(channel.header().responder_skips_fences);
    return true;
}

// Some of it has been moved already, so that it cannot be left where it is.
bool is_started(const SendWqe &wqe) noexcept {
    return wqe.moved != 0 || wqe.asked != 0 || wqe.is_written;
}

Transmission transmit(Qp &qp, SendWqe &wqe, Untold &untold) noexcept {
    if (qp.has_one_peer) [[likely]]
        return transmit_connected(qp, wqe);
    return qp.is_xrc ? transmit_xrc(qp, wqe, untold) : transmit_datagram(qp, wqe, untold);
}

// Sends what can be sent; `untold` keeps the last channel that was used or that we wait for. False
// when the QP entered the error state.
bool transmit_all(Qp &qp, Untold &untold) noexcept {
    SendQueue &sq = qp.sq;
    const bool is_stopped = qp.now.load(std::memory_order_relaxed) == IBV_QPS_SQD;
    while (sq.sent != sq.ring.tail) {
        SendWqe &wqe = sq.ring.at(sq.sent);
        if (is_stopped && !is_started(wqe)) break;
        const Transmission result = transmit(qp, wqe, untold);
        if (result.step == Step::wait) break;
        if (result.step == Step::failed) {
            if (result.status == IBV_WC_REM_ACCESS_ERR || result.status == IBV_WC_REM_INV_REQ_ERR)
                tell_refusal(qp, result.status);
            fail_sends(qp, result.status);
            return false;
        }
        ++sq.sent;
        if (result.step == Step::done) {
            complete(qp, wqe, IBV_WC_SUCCESS);
            ++sq.ring.head;
        }
        // The receiver made room, so the next request's patience begins anew.
        if (!qp.is_reliable) sq.give_up_at_ns = 0;
    }
    tell(untold, untold.channel);
    return true;
}

void drop_if_bind(SendWqe &wqe) noexcept {
    if (wqe.opcode == kOpcodeBind) drop_bind(wqe);
}

// The sender of a rendezvous message will not hear that its data is here, of which the program has
// heard already.
bool is_lost_answer(const SendWqe &wqe) noexcept {
    return wqe.opcode == kOpcodeRendezvous && wqe.is_written;
}

void tell_lost_answer(Qp &qp, ibv_wc_status status) noexcept {
    if (status != IBV_WC_WR_FLUSH_ERR) report_qp_event(qp, IBV_EVENT_QP_FATAL);
}

// Tells pollers what to wait for. XRC: the channel in use changes under the queue's lock alone.
void note_awaited(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    uint64_t awaits = kAlwaysTry;
    if (sq.ring.is_empty())
        awaits = kNothingToDo;
    else if (sq.sent == sq.ring.tail && qp.is_reliable && !qp.is_xrc)
        awaits = sq.ring.at(sq.ring.head).end;
    sq.awaits.store(awaits, std::memory_order_relaxed);
}

void end_drain_if_done(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (!sq.is_draining || sq.ring.head != sq.sent) return;
    if (sq.sent != sq.ring.tail && is_started(sq.ring.at(sq.sent))) return;
    sq.is_draining = false;
    if (sq.tells_drained) report_qp_event(qp, IBV_EVENT_SQ_DRAINED);
}

// The two processes of an unreliable connection have not greeted each other yet.
bool is_making_acquaintance(const Qp &qp) noexcept {
    const TxEnd *channel = qp.sq.channel.get();
    return channel != nullptr && !channel->link().is_up();
}

void start_patience(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    const bool is_drained =
        !sq.is_draining && qp.now.load(std::memory_order_relaxed) == IBV_QPS_SQD;
    if (sq.ring.is_empty() || is_drained)
        sq.give_up_at_ns = 0;
    else if (!qp.is_reliable && !is_making_acquaintance(qp))
        start_giving_up(qp, kUnreliablePatienceNs);
    else if (qp.is_reliable && sq.unreachable)
        start_giving_up(qp, sq.patience_ns);
}

// True when the queue is no longer sending.
bool advance(Qp &qp) noexcept {
    Untold untold;
    tell(untold, qp.sq.channel.get());
    bool again = true;
    while (again) {
        if (!retire(qp)) return true;
        const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
        if (state != IBV_QPS_RTS && state != IBV_QPS_SQD) return true;
        if (!transmit_all(qp, untold)) return true;
        again = untold.channel != nullptr && ask_for_kick(qp, *untold.channel);
    }
    return false;
}

}  // namespace

void push_sends(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.ring.is_empty() || qp.now.load(std::memory_order_relaxed) != IBV_QPS_RTS) return;
    // With these the engine has more to do than to send.
    if (sq.unreachable || !qp.is_reliable || qp.counters != nullptr ||
        qp.sends_to->armed.load(std::memory_order_relaxed) != Armed::no)
        return advance_sends(qp);
    if (sq.sent == sq.ring.tail) return note_awaited(qp);
    Untold untold;
    tell(untold, sq.channel.get());
    if (!transmit_all(qp, untold)) return note_awaited(qp);
    if (sq.sent != sq.ring.tail) return advance_sends(qp);
    note_awaited(qp);
}

void advance_sends(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.ring.is_empty()) return note_awaited(qp);
    if (!advance(qp)) {
        end_drain_if_done(qp);
        start_patience(qp);
    }
    note_awaited(qp);
}

void begin_drain(Qp &qp, bool tells) noexcept {
    qp.now.store(IBV_QPS_SQD, std::memory_order_release);
    qp.sq.is_draining = true;
    qp.sq.tells_drained = tells;
    advance_sends(qp);
    end_drain_if_done(qp);  // nothing was posted
}

void flush_sends(Qp &qp, ibv_wc_status oldest) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.channel != nullptr) sq.channel->withdraw();
    ibv_wc_status status = oldest;
    sq.untold = sq.ring.is_empty() ? oldest : IBV_WC_WR_FLUSH_ERR;
    for (; sq.ring.head != sq.ring.tail; ++sq.ring.head) {
        SendWqe &wqe = sq.ring.at(sq.ring.head);
        drop_if_bind(wqe);
        if (is_lost_answer(wqe))
            tell_lost_answer(qp, status);
        else
            complete(qp, wqe, status);
        status = IBV_WC_WR_FLUSH_ERR;
    }
    sq.sent = sq.ring.tail;
    sq.atomics_under_way = 0;
    sq.give_up_at_ns = 0;
    sq.is_draining = false;
    note_awaited(qp);
}

void discard_sends(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    for (; sq.ring.head != sq.ring.tail; ++sq.ring.head)
        drop_if_bind(sq.ring.at(sq.ring.head));
    sq.ring.head = sq.sent = sq.ring.tail = 0;
    sq.atomics_under_way = 0;
    sq.is_draining = false;
    sq.untold = IBV_WC_WR_FLUSH_ERR;
    note_awaited(qp);
}

// The receiver has not made room for a long time: the message is lost, the queue goes on. What is
// lost for one member of a group is not lost for those behind it.
void drop_oldest_unreliable(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.sent == sq.ring.tail) return;
    if (skip_member(qp, sq.ring.at(sq.sent))) return;
    complete(qp, sq.ring.at(sq.sent), IBV_WC_SUCCESS);
    ++sq.sent;
    ++sq.ring.head;
    note_awaited(qp);
}

}  // namespace soft
