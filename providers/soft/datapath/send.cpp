// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The requester: posting sends, putting them on their way, and completing them in order.
//
// Messages go into the channel's ring and are done when the responder has freed their slots.
// One-sided requests are carried out here and now, by copying between the processes; they wait
// until all earlier messages are done, which is the order that a responder would keep.
#include "datapath/fence.hpp"
#include "datapath/gather.hpp"
#include "datapath/qp.hpp"
#include "link/link.hpp"
#include "link/process.hpp"
#include "link/remote_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>

namespace soft {

namespace {

constexpr uint32_t kDatagramMax = 4096;       // the port's MTU
constexpr uint64_t kMessageMax = 1ull << 31;  // max_msg_sz of the port
constexpr int64_t kDatagramPatienceNs = 500'000'000;

enum class Step { wait, sent, done, failed };

struct Transmission {
    Step step;
    ibv_wc_status status = IBV_WC_SUCCESS;
};

constexpr Transmission kWait{Step::wait};
constexpr Transmission kSent{Step::sent};
constexpr Transmission kDone{Step::done};

ibv_wc_opcode completion_opcode(uint8_t opcode) noexcept {
    switch (opcode) {
    case IBV_WR_RDMA_WRITE:
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        return IBV_WC_RDMA_WRITE;
    case IBV_WR_RDMA_READ:
        return IBV_WC_RDMA_READ;
    default:
        return IBV_WC_SEND;
    }
}

void complete(Qp &qp, const SendWqe &wqe, ibv_wc_status status) noexcept {
    if (status == IBV_WC_SUCCESS && !wqe.is_signaled) return;
    ibv_wc wc{};
    wc.wr_id = wqe.wr_id;
    wc.status = status;
    wc.opcode = completion_opcode(wqe.opcode);
    wc.byte_len = wqe.length;
    wc.qp_num = qp.qp_num;
    push_completion(*qp.sends_to, wc, status != IBV_WC_SUCCESS);
}

// The send queue's half of entering the error state; the caller holds its lock.
void fail_sends(Qp &qp, ibv_wc_status oldest) noexcept {
    // Where nobody waits for an acknowledgement only the send queue fails (IBTA 10.3.1.6).
    if (qp.is_datagram) {
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

// Completes what the responder is done with. False when it refused a message: the QP is in error.
bool retire(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.channel == nullptr || sq.ring.is_empty()) return true;
    const ChannelHeader &header = sq.channel->header();
    // acquire pairs with RxEnd::release: the data was placed before the slots were freed.
    const uint64_t freed = header.freed.load(std::memory_order_acquire);
    while (sq.ring.head != sq.sent) {
        SendWqe &wqe = sq.ring.at(sq.ring.head);
        if (wqe.end > freed) break;
        complete(qp, wqe, IBV_WC_SUCCESS);
        ++sq.ring.head;
    }
    if (sq.ring.is_empty()) return true;
    // What was refused is the oldest request, be it sent or, in parts, still being sent.
    const uint64_t refused = header.refused.load(std::memory_order_acquire);
    if (refused == 0) return true;
    fail_sends(qp, status_of(refused));
    return false;
}

void kick_responder(TxEnd &channel) noexcept {
    publish_before_look();
    std::atomic<uint32_t> &wants = channel.header().responder_wants_kick;
    if (wants.load(std::memory_order_relaxed) != 0 &&
        wants.exchange(0, std::memory_order_relaxed) != 0)
        channel.link().kick(channel.id());
}

// Fills in the message and its payload from the request's inline data or gather list.
void fill(Message &message, SendWqe &wqe, const MemoryList &memory, uint8_t *payload) noexcept {
    message.flags = static_cast<uint8_t>(
        (wqe.opcode == IBV_WR_SEND_WITH_IMM || wqe.opcode == IBV_WR_RDMA_WRITE_WITH_IMM
             ? kFlagImmediate
             : 0) |
        (wqe.is_solicited ? kFlagSolicited : 0));
    message.length = wqe.length;
    message.imm_be = wqe.imm_be;
    message.qkey = wqe.qkey;
    message.argument = 0;
    if (payload == nullptr) return;
    if (wqe.is_inline)
        std::memcpy(payload, wqe.inline_data(), wqe.length);
    else
        memory.gather(payload);
}

// Puts the next part of a long message into the ring: `front` first, then as much of the data as
// one message carries. Gives nullptr when the ring is full.
Message *put_part(TxEnd &channel, SendWqe &wqe, MemoryList &memory, const OneSided *front,
                  uint32_t part) noexcept {
    const uint32_t extra = front != nullptr ? sizeof *front : 0;
    Message *message = channel.reserve(extra + part);
    if (message == nullptr) return nullptr;
    auto *data = reinterpret_cast<uint8_t *>(message + 1);
    if (extra != 0) std::memcpy(data, front, extra);
    message->flags = 0;
    message->payload = extra + part;
    message->length = wqe.length;
    message->argument = wqe.moved;
    if (wqe.is_inline) {
        std::memcpy(data + extra, wqe.inline_data() + wqe.moved, part);
    } else {
        memory.gather_next(data + extra, part);
    }
    return message;
}

// A SEND in parts, for a peer that cannot fetch the data itself.
Transmission send_in_parts(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    memory.skip(wqe.moved);
    while (wqe.moved < wqe.length) {
        const uint32_t part = std::min(wqe.length - wqe.moved, kEagerBytes);
        Message *message = put_part(channel, wqe, memory, nullptr, part);
        if (message == nullptr) return kWait;
        message->kind = static_cast<uint8_t>(MessageKind::send);
        if (wqe.moved + part < wqe.length) {
            message->flags = kFlagMore;
        } else {
            const uint32_t offset = message->argument;
            fill(*message, wqe, memory, nullptr);
            message->argument = offset;
        }
        wqe.end = channel.publish(message);
        wqe.moved += part;
    }
    return kSent;
}

Transmission send_message(Qp &qp, SendWqe &wqe) noexcept {
    TxEnd &channel = *qp.sq.channel;
    MemoryList memory;
    if (!wqe.is_inline && !memory.build(qp.owner->mrs().home(), qp.domain_pd->number, 0, wqe.sges(),
                                        wqe.sge_count, wqe.length))
        return {Step::failed, IBV_WC_LOC_PROT_ERR};
    const bool by_reference = wqe.length > kEagerBytes;
    if (by_reference && !channel.link().is_up()) return kWait;
    if (by_reference && !channel.link().peer_reaches_us()) return send_in_parts(qp, wqe, memory);
    const std::size_t payload = by_reference ? memory.count() * sizeof(RemoteSegment) : wqe.length;
    Message *message = channel.reserve(payload);
    if (message == nullptr) return kWait;
    auto *data = reinterpret_cast<uint8_t *>(message + 1);
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = static_cast<uint32_t>(payload);
    fill(*message, wqe, memory, by_reference ? nullptr : data);
    if (by_reference) {
        message->flags |= kFlagByReference;
        for (uint32_t i = 0; i < memory.count(); ++i) {
            const RemoteSegment segment{reinterpret_cast<uintptr_t>(memory.parts()[i].iov_base),
                                        memory.parts()[i].iov_len};
            std::memcpy(data + i * sizeof segment, &segment, sizeof segment);
        }
    }
    wqe.end = channel.publish(message);
    return kSent;
}

// An RDMA WRITE through the ring: the responder looks up the key and copies.
Transmission write_in_parts(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    memory.skip(wqe.moved);
    while (wqe.moved < wqe.length) {
        const uint32_t part = std::min(wqe.length - wqe.moved, kEagerBytes);
        const OneSided place{wqe.remote_address + wqe.moved, wqe.rkey, part};
        Message *message = put_part(channel, wqe, memory, &place, part);
        if (message == nullptr) return kWait;
        message->kind = static_cast<uint8_t>(MessageKind::write);
        wqe.end = channel.publish(message);
        wqe.moved += part;
    }
    return kSent;
}

// An RDMA READ through the ring: the responder fills the reply area, one piece after the other.
// Only for the oldest request, so that the channel's next acknowledgement is the piece's.
Transmission read_in_parts(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    ChannelHeader &header = channel.header();
    for (;;) {
        if (wqe.asked > wqe.moved) {
            if (header.freed.load(std::memory_order_acquire) < wqe.end) return kWait;
            MemoryList rest = memory;
            rest.skip(wqe.moved);
            rest.scatter(channel.reply(), wqe.asked - wqe.moved);
            wqe.moved = wqe.asked;
        }
        if (wqe.moved == wqe.length) return kDone;
        Message *message = channel.reserve(sizeof(OneSided));
        if (message == nullptr) return kWait;
        const OneSided place{wqe.remote_address + wqe.moved, wqe.rkey,
                             std::min(wqe.length - wqe.moved, kReplyBytes)};
        std::memcpy(reinterpret_cast<uint8_t *>(message + 1), &place, sizeof place);
        message->kind = static_cast<uint8_t>(MessageKind::read);
        message->flags = 0;
        message->payload = sizeof place;
        message->length = wqe.length;
        message->argument = wqe.moved;
        wqe.end = channel.publish(message);
        wqe.asked = wqe.moved + place.length;
        kick_responder(channel);
    }
}

// A one-sided request: by copying between the processes where that is allowed.
Transmission do_one_sided(Qp &qp, SendWqe &wqe, bool is_oldest) noexcept {
    TxEnd &channel = *qp.sq.channel;
    const bool is_read = wqe.opcode == IBV_WR_RDMA_READ;
    if (!channel.link().is_up() || !channel.is_attached()) return kWait;
    MemoryList memory;
    iovec inlined{wqe.inline_data(), wqe.length};
    if (!wqe.is_inline && !memory.build(qp.owner->mrs().home(), qp.domain_pd->number,
                                        is_read ? static_cast<uint32_t>(IBV_ACCESS_LOCAL_WRITE) : 0,
                                        wqe.sges(), wqe.sge_count, wqe.length))
        return {Step::failed, IBV_WC_LOC_PROT_ERR};

    ChannelHeader &header = channel.header();
    const uint32_t needed = is_read ? IBV_ACCESS_REMOTE_READ : IBV_ACCESS_REMOTE_WRITE;
    if ((header.responder_access.load(std::memory_order_acquire) & needed) == 0)
        return {Step::failed, IBV_WC_REM_INV_REQ_ERR};
    if (!channel.link().reaches_peer() && wqe.length > 0) {
        if (!is_read) return write_in_parts(qp, wqe, memory);
        return is_oldest ? read_in_parts(qp, wqe, memory) : kWait;
    }
    if (!is_oldest) return kWait;
    if (wqe.length == 0) return kDone;

    // Announced first, looked up after: see ChannelHeader::accessing_rkey.
    header.accessing_rkey.store(wqe.rkey, std::memory_order_seq_cst);
    publish_before_look();
    uint64_t address = 0;
    int code = EACCES;
    if (translate(channel.link().home(), wqe.rkey, wqe.remote_address, wqe.length, needed,
                  header.responder_pd.load(std::memory_order_relaxed), address)) {
        iovec there{reinterpret_cast<void *>(address), wqe.length};
        code =
            copy_across(channel.link().pid(), is_read ? Direction::from_peer : Direction::to_peer,
                        wqe.is_inline ? &inlined : memory.parts(),
                        wqe.is_inline ? 1 : memory.count(), &there, 1, wqe.length);
    }
    // release: the copy is over before the key is taken back.
    header.accessing_rkey.store(0, std::memory_order_release);
    if (code == 0) return kDone;
    if (code == ESRCH) return {Step::failed, IBV_WC_RETRY_EXC_ERR};
    return {Step::failed, IBV_WC_REM_ACCESS_ERR};
}

// The responder learns that we were refused: it enters its error state as if it had refused.
void tell_refusal(TxEnd &channel) noexcept {
    Message *message = channel.reserve(0);
    if (message == nullptr) return;
    message->kind = static_cast<uint8_t>(MessageKind::fatal);
    message->flags = 0;
    message->payload = 0;
    message->length = 0;
    message->argument = static_cast<uint32_t>(Refusal::access);
    channel.publish(message);
    kick_responder(channel);
}

Transmission write_with_immediate(Qp &qp, SendWqe &wqe, bool is_oldest) noexcept {
    if (!wqe.is_written) {
        const Transmission written = do_one_sided(qp, wqe, is_oldest);
        if (written.step != Step::done && written.step != Step::sent) return written;
        wqe.is_written = true;
    }
    TxEnd &channel = *qp.sq.channel;
    Message *message = channel.reserve(0);
    if (message == nullptr) return kWait;
    message->kind = static_cast<uint8_t>(MessageKind::write_imm);
    message->payload = 0;
    fill(*message, wqe, MemoryList(), nullptr);
    wqe.end = channel.publish(message);
    return kSent;
}

Transmission transmit_connected(Qp &qp, SendWqe &wqe) noexcept {
    if (qp.sq.channel == nullptr) return kWait;
    const bool is_oldest = qp.sq.ring.head == qp.sq.sent;
    Transmission result = kWait;
    switch (wqe.opcode) {
    case IBV_WR_SEND:
    case IBV_WR_SEND_WITH_IMM:
        result = send_message(qp, wqe);
        break;
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        result = write_with_immediate(qp, wqe, is_oldest);
        break;
    default:
        result = do_one_sided(qp, wqe, is_oldest);
        break;
    }
    // An error completes after everything before it has.
    if (result.step == Step::failed && !is_oldest) return kWait;
    return result;
}

// `used` is the channel it goes to, `fresh` and `told` as in transmit_all.
Transmission transmit_datagram(Qp &qp, SendWqe &wqe, TxEnd *&used, TxEnd *&fresh,
                               uint64_t &told) noexcept {
    MemoryList memory;
    if (!wqe.is_inline && !memory.build(qp.owner->mrs().home(), qp.domain_pd->number, 0, wqe.sges(),
                                        wqe.sge_count, wqe.length))
        return {Step::failed, IBV_WC_LOC_PROT_ERR};
    const auto route = qp.sq.routes.find(wqe.remote_qpn);
    // Nobody there: the datagram is lost, as on any network.
    if (route == qp.sq.routes.end() || route->second == nullptr) return kDone;
    used = route->second.get();
    if (used != fresh) {
        if (fresh != nullptr && fresh->position() != told) kick_responder(*fresh);
        fresh = used;
        told = used->position();
    }
    Message *message = used->reserve(sizeof(DatagramPrefix) + wqe.length);
    if (message == nullptr) return kWait;
    auto *data = reinterpret_cast<uint8_t *>(message + 1);
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = static_cast<uint32_t>(sizeof(DatagramPrefix) + wqe.length);
    std::memcpy(data, &wqe.path, sizeof wqe.path);
    fill(*message, wqe, memory, data + sizeof(DatagramPrefix));
    used->publish(message);
    return kDone;
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
    const bool awaited = qp.sq.ring.head != qp.sq.ring.tail &&
                         qp.sends_to->armed.load(std::memory_order_relaxed) != Armed::no;
    if (!stalled && !awaited) return false;
    std::atomic<uint32_t> &wants = channel.header().requester_wants_kick;
    if (wants.load(std::memory_order_relaxed) != 0) return false;
    wants.store(1, std::memory_order_relaxed);
    publish_before_look();
    return true;
}

// Some of it has been moved already, so that it cannot be left where it is.
bool is_started(const SendWqe &wqe) noexcept {
    return wqe.moved != 0 || wqe.asked != 0 || wqe.is_written;
}

// Sends what can be sent; the last channel that was used or that we wait for is in `channel`.
// False when the QP entered the error state.
bool transmit_all(Qp &qp, TxEnd *&channel) noexcept {
    SendQueue &sq = qp.sq;
    // The channel that holds messages its responder was not told of yet, and up to where it was.
    TxEnd *fresh = channel;
    uint64_t told = fresh != nullptr ? fresh->position() : 0;
    const bool is_stopped = qp.now.load(std::memory_order_relaxed) == IBV_QPS_SQD;
    while (sq.sent != sq.ring.tail) {
        SendWqe &wqe = sq.ring.at(sq.sent);
        if (is_stopped && !is_started(wqe)) break;
        const Transmission result = qp.is_datagram
                                        ? transmit_datagram(qp, wqe, channel, fresh, told)
                                        : transmit_connected(qp, wqe);
        if (result.step == Step::wait) break;
        if (result.step == Step::failed) {
            if (result.status == IBV_WC_REM_ACCESS_ERR || result.status == IBV_WC_REM_INV_REQ_ERR)
                tell_refusal(*sq.channel);
            fail_sends(qp, result.status);
            return false;
        }
        ++sq.sent;
        if (result.step == Step::done) {
            complete(qp, wqe, IBV_WC_SUCCESS);
            ++sq.ring.head;
        }
        // A datagram's receiver made room, so the next one's patience begins anew.
        if (qp.is_datagram) sq.give_up_at_ns = 0;
    }
    if (fresh != nullptr && fresh->position() != told) kick_responder(*fresh);
    return true;
}

void end_drain_if_done(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (!sq.is_draining || sq.ring.head != sq.sent) return;
    if (sq.sent != sq.ring.tail && is_started(sq.ring.at(sq.sent))) return;
    sq.is_draining = false;
    if (sq.tells_drained) report_qp_event(qp, IBV_EVENT_SQ_DRAINED);
}

}  // namespace

void begin_drain(Qp &qp, bool tells) noexcept {
    qp.now.store(IBV_QPS_SQD, std::memory_order_release);
    qp.sq.is_draining = true;
    qp.sq.tells_drained = tells;
    advance_sends(qp);
    end_drain_if_done(qp);  // nothing was posted
}

void advance_sends(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.ring.is_empty()) return;
    TxEnd *channel = sq.channel.get();
    bool again = true;
    while (again) {
        if (!retire(qp)) return;
        const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
        if (state != IBV_QPS_RTS && state != IBV_QPS_SQD) return;
        if (!transmit_all(qp, channel)) return;
        again = channel != nullptr && ask_for_kick(qp, *channel);
    }
    end_drain_if_done(qp);
    const bool is_drained =
        !sq.is_draining && qp.now.load(std::memory_order_relaxed) == IBV_QPS_SQD;
    if (sq.ring.is_empty() || is_drained) {
        sq.give_up_at_ns = 0;
    } else if (qp.is_datagram) {
        start_giving_up(qp, kDatagramPatienceNs);
    } else if (sq.unreachable) {
        start_giving_up(qp, sq.patience_ns);
    }
}

void flush_sends(Qp &qp, ibv_wc_status oldest) noexcept {
    SendQueue &sq = qp.sq;
    ibv_wc_status status = oldest;
    sq.untold = sq.ring.is_empty() ? oldest : IBV_WC_WR_FLUSH_ERR;
    for (; sq.ring.head != sq.ring.tail; ++sq.ring.head) {
        SendWqe &wqe = sq.ring.at(sq.ring.head);
        wqe.is_signaled = true;
        complete(qp, wqe, status);
        status = IBV_WC_WR_FLUSH_ERR;
    }
    sq.sent = sq.ring.tail;
    sq.give_up_at_ns = 0;
    sq.is_draining = false;
}

// The receiver has not made room for a long time: the datagram is lost, the queue goes on.
void drop_oldest_datagram(Qp &qp) noexcept {
    SendQueue &sq = qp.sq;
    if (sq.sent == sq.ring.tail) return;
    complete(qp, sq.ring.at(sq.sent), IBV_WC_SUCCESS);
    ++sq.sent;
    ++sq.ring.head;
}

namespace {

// Adds one request to the queue, or says why not.
int enqueue(Qp &qp, const ibv_send_wr &wr) noexcept {
    SendQueue &sq = qp.sq;
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    if (state < IBV_QPS_RTS) return EINVAL;  // RESET, INIT, RTR
    if (wr.num_sge < 0 || static_cast<uint32_t>(wr.num_sge) > qp.max_send_sge) return EINVAL;
    const bool is_datagram = qp.is_datagram;
    const bool is_inline = (wr.send_flags & IBV_SEND_INLINE) != 0;
    switch (wr.opcode) {
    case IBV_WR_SEND:
    case IBV_WR_SEND_WITH_IMM:
        break;
    case IBV_WR_RDMA_WRITE:
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        if (is_datagram) return EINVAL;
        break;
    case IBV_WR_RDMA_READ:
        if (is_datagram || is_inline) return EINVAL;
        break;
    default:
        return EOPNOTSUPP;
    }
    uint64_t length = 0;
    for (int i = 0; i < wr.num_sge; ++i)
        length += wr.sg_list[i].length;
    if (length > (is_datagram ? kDatagramMax : kMessageMax)) return EMSGSIZE;
    if (is_inline && length > qp.max_inline) return EINVAL;
    if (sq.ring.is_full()) return ENOMEM;

    SendWqe &wqe = sq.ring.at(sq.ring.tail);
    wqe.wr_id = wr.wr_id;
    wqe.length = static_cast<uint32_t>(length);
    wqe.moved = 0;
    wqe.asked = 0;
    wqe.imm_be = wr.imm_data;
    wqe.opcode = static_cast<uint8_t>(wr.opcode);
    wqe.is_signaled = sq.signals_all || (wr.send_flags & IBV_SEND_SIGNALED) != 0;
    wqe.is_inline = is_inline;
    wqe.is_solicited = (wr.send_flags & IBV_SEND_SOLICITED) != 0;
    wqe.is_written = false;
    wqe.sge_count = static_cast<uint16_t>(wr.num_sge);
    wqe.qkey = 0;
    if (is_datagram) {
        if (wr.wr.ud.ah == nullptr) return EINVAL;
        const Ah &ah = *static_cast<Ah *>(wr.wr.ud.ah);
        wqe.remote_qpn = wr.wr.ud.remote_qpn;
        // A remote Q_Key with its top bit set means: the QP's own (IBTA 10.2.5).
        wqe.qkey = (wr.wr.ud.remote_qkey & 0x80000000u) != 0
                       ? qp.qkey.load(std::memory_order_relaxed)
                       : wr.wr.ud.remote_qkey;
        wqe.path = ah.path;
    } else {
        wqe.remote_address = wr.wr.rdma.remote_addr;
        wqe.rkey = wr.wr.rdma.rkey;
    }
    if (is_inline) {
        uint8_t *to = wqe.inline_data();
        for (int i = 0; i < wr.num_sge; ++i) {
            std::memcpy(to, reinterpret_cast<const void *>(wr.sg_list[i].addr),
                        wr.sg_list[i].length);
            to += wr.sg_list[i].length;
        }
    } else {
        for (int i = 0; i < wr.num_sge; ++i)
            wqe.sges()[i] = wr.sg_list[i];
    }
    ++sq.ring.tail;
    if (state == IBV_QPS_ERR || state == IBV_QPS_SQE) flush_sends(qp, sq.untold);
    return 0;
}

// A datagram's first way to a QP is opened outside the lock: it enters the kernel and allocates.
__attribute__((noinline)) void open_routes(Qp &qp, const ibv_send_wr *wr) noexcept {
    for (; wr != nullptr; wr = wr->next) {
        if (wr->wr.ud.ah == nullptr) continue;
        qp.sq.lock.lock();
        const auto route = qp.sq.routes.find(wr->wr.ud.remote_qpn);
        const bool known = route != qp.sq.routes.end() && route->second != nullptr &&
                           !route->second->link().is_lost();
        qp.sq.lock.unlock();
        if (known) continue;
        ibv_gid dgid;
        std::memcpy(dgid.raw, static_cast<Ah *>(wr->wr.ud.ah)->path.dgid, sizeof dgid.raw);
        qp.owner->open_route(qp, wr->wr.ud.remote_qpn, dgid);
    }
}

}  // namespace

int post_send(ibv_qp *ibqp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    if (qp.is_datagram) open_routes(qp, wr);
    int code = 0;
    qp.sq.lock.lock();
    for (; wr != nullptr; wr = wr->next) {
        code = enqueue(qp, *wr);
        if (code != 0) {
            *bad_wr = wr;
            break;
        }
    }
    advance_sends(qp);
    qp.sq.lock.unlock();
    return code;
}

}  // namespace soft
