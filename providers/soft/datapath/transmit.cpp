// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// SENDs and datagrams: from a request to messages in a ring.
//
// Short messages are copied into the ring. Long ones of a reliable connection stay where they are
// and the responder fetches them; where it cannot, and for unreliable connections, whose sender
// does not wait for the receiver, they go through the ring in parts.
#include "datapath/transmit.hpp"

#include "datapath/fence.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <algorithm>

namespace soft {

void kick_responder(TxEnd &channel) noexcept {
    channel.fence_before_look();
    std::atomic<uint32_t> &wants = channel.header().responder_wants_kick;
    if (wants.load(std::memory_order_relaxed) != 0 &&
        wants.exchange(0, std::memory_order_relaxed) != 0)
        channel.link().kick(channel.id());
}

void tell(Untold &untold, TxEnd *channel) noexcept {
    if (untold.channel != nullptr && untold.channel->position() != untold.told)
        kick_responder(*untold.channel);
    untold.channel = channel;
    untold.told = channel != nullptr ? channel->position() : 0;
}

bool list_memory(Qp &qp, SendWqe &wqe, uint32_t access, MemoryList &memory) noexcept {
    Process &process = *qp.owner;
    return wqe.is_inline ||
           memory.build(process.mrs().home(), process.memory(), qp.domain_pd->number, access,
                        wqe.sges(), wqe.sge_count, wqe.length);
}

void describe(Message &message, const Qp &qp, const SendWqe &wqe) noexcept {
    message.flags = static_cast<uint8_t>(
        (wqe.opcode == IBV_WR_SEND_WITH_IMM || wqe.opcode == IBV_WR_RDMA_WRITE_WITH_IMM
             ? kFlagImmediate
             : 0) |
        (wqe.opcode == IBV_WR_SEND_WITH_INV ? kFlagInvalidate : 0) |
        (wqe.is_solicited ? kFlagSolicited : 0));
    message.length = wqe.length;
    message.imm_be = wqe.imm_be;
    // acquire pairs with the release in drain(): the slots that this gives back have been read.
    message.qkey_or_ack =
        qp.has_one_peer ? qp.rq.acknowledgement.load(std::memory_order_acquire) : wqe.qkey_or_srqn;
    message.argument = 0;
}

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
    message->qkey_or_ack = wqe.qkey_or_srqn;
    message->argument = wqe.moved;
    if (wqe.is_inline)
        std::memcpy(data + extra, wqe.inline_data() + wqe.moved, part);
    else
        memory.gather_next(data + extra, part);
    return message;
}

namespace {

constexpr Transmission kFaulted{Step::failed, IBV_WC_LOC_PROT_ERR};

void put_payload(SendWqe &wqe, MemoryList &memory, uint8_t *to) noexcept {
    if (wqe.is_inline)
        std::memcpy(to, wqe.inline_data(), wqe.length);
    else
        memory.gather(to);
}

Transmission send_in_parts(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    memory.skip(wqe.moved);
    while (wqe.moved < wqe.length) {
        const uint32_t part = std::min(wqe.length - wqe.moved, kEagerBytes);
        Message *message = put_part(channel, wqe, memory, nullptr, part);
        if (message == nullptr) return kWait;
        if (memory.has_faulted()) return kFaulted;
        message->kind = static_cast<uint8_t>(MessageKind::send);
        if (wqe.moved + part < wqe.length) {
            message->flags = kFlagMore;
        } else {
            describe(*message, qp, wqe);
            message->argument = wqe.moved;
        }
        wqe.end = channel.publish(message);
        wqe.moved += part;
    }
    return kSent;
}

Transmission send_by_reference(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    const std::size_t payload = memory.count() * sizeof(RemoteSegment);
    Message *message = channel.reserve(payload);
    if (message == nullptr) return kWait;
    auto *data = reinterpret_cast<uint8_t *>(message + 1);
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = static_cast<uint32_t>(payload);
    describe(*message, qp, wqe);
    message->flags |= kFlagByReference;
    for (uint32_t i = 0; i < memory.count(); ++i) {
        const RemoteSegment segment{reinterpret_cast<uintptr_t>(memory.parts()[i].iov_base),
                                    memory.parts()[i].iov_len};
        std::memcpy(data + i * sizeof segment, &segment, sizeof segment);
    }
    wqe.end = channel.publish(message);
    return kSent;
}

__attribute__((noinline)) Transmission send_listed(Qp &qp, SendWqe &wqe) noexcept {
    TxEnd &channel = *qp.sq.channel;
    MemoryList memory;
    if (!list_memory(qp, wqe, 0, memory)) return kFaulted;
    if (wqe.length > kEagerBytes) {
        if (!qp.is_reliable) return send_in_parts(qp, wqe, memory);
        if (!channel.link().is_up()) return kWait;
        return channel.link().peer_reaches_us() && memory.is_plain()
                   ? send_by_reference(qp, wqe, memory)
                   : send_in_parts(qp, wqe, memory);
    }
    Message *message = channel.reserve(wqe.length);
    if (message == nullptr) return kWait;
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = wqe.length;
    describe(*message, qp, wqe);
    put_payload(wqe, memory, reinterpret_cast<uint8_t *>(message + 1));
    if (memory.has_faulted()) return kFaulted;
    wqe.end = channel.publish(message);
    return kSent;
}

// A short message whose data is in one piece needs no list.
Transmission send_message(Qp &qp, SendWqe &wqe) noexcept {
    if (wqe.length > kEagerBytes) return send_listed(qp, wqe);
    const uint8_t *data = wqe.is_inline
                              ? wqe.inline_data()
                              : find_plain_piece(qp.owner->mrs().home(), qp.domain_pd->number, 0,
                                                 wqe.sges(), wqe.sge_count, wqe.length);
    if (data == nullptr) return send_listed(qp, wqe);
    Message *message = qp.sq.channel->reserve(wqe.length);
    if (message == nullptr) return kWait;
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = wqe.length;
    describe(*message, qp, wqe);
    copy_short(reinterpret_cast<uint8_t *>(message + 1), data, wqe.length);
    wqe.end = qp.sq.channel->publish(message);
    return kSent;
}

Transmission transmit_by_opcode(Qp &qp, SendWqe &wqe) noexcept {
    switch (wqe.opcode) {
    case IBV_WR_SEND:
    case IBV_WR_SEND_WITH_IMM:
    case IBV_WR_SEND_WITH_INV:
        return send_message(qp, wqe);
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        return write_with_immediate(qp, wqe);
    case IBV_WR_ATOMIC_CMP_AND_SWP:
    case IBV_WR_ATOMIC_FETCH_AND_ADD:
    case kOpcodeAtomicWrite:
        return do_atomic(qp, wqe);
    default:
        return do_one_sided(qp, wqe);
    }
}

// An unreliable connection completes what left, and what nobody will take is lost.
Transmission without_acknowledgement(Transmission result) noexcept {
    if (result.step == Step::sent) return kDone;
    if (result.step == Step::failed &&
        (result.status == IBV_WC_REM_ACCESS_ERR || result.status == IBV_WC_REM_INV_REQ_ERR ||
         result.status == IBV_WC_RETRY_EXC_ERR))
        return kDone;
    return result;
}

}  // namespace

Transmission transmit_connected(Qp &qp, SendWqe &wqe) noexcept {
    if (wqe.opcode >= kOpcodeBind) [[unlikely]]
        return change_window(qp, wqe);
    if (qp.sq.channel == nullptr) return qp.is_reliable ? kWait : kDone;
    if (wqe.is_fenced && qp.sq.atomics_under_way != 0) return kWait;
    const bool is_cut_off = qp.has_faults && meets_dead_peer(qp);
    const Transmission result =
        is_cut_off ? Transmission{Step::failed, IBV_WC_RETRY_EXC_ERR} : transmit_by_opcode(qp, wqe);
    if (!qp.is_reliable) return without_acknowledgement(result);
    // An error completes after everything before it has.
    if (result.step == Step::failed && !is_oldest(qp)) return kWait;
    return result;
}

namespace {

// The step is `wait` when the ring is full.
Transmission put_datagram(Qp &qp, SendWqe &wqe, MemoryList &memory, TxEnd &channel) noexcept {
    Message *message = channel.reserve(sizeof(DatagramPrefix) + wqe.length);
    if (message == nullptr) return kWait;
    auto *data = reinterpret_cast<uint8_t *>(message + 1);
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = static_cast<uint32_t>(sizeof(DatagramPrefix) + wqe.length);
    std::memcpy(data, &wqe.path, sizeof wqe.path);
    describe(*message, qp, wqe);
    put_payload(wqe, memory, data + sizeof(DatagramPrefix));
    if (memory.has_faulted()) return kFaulted;
    channel.publish(message);
    return kDone;
}

// The channel to a QP, or nullptr: nobody there, the datagram is lost as on any network.
TxEnd *route_to(Qp &qp, uint32_t qpn) noexcept {
    const auto route = qp.sq.routes.find(qpn);
    return route != qp.sq.routes.end() ? route->second.get() : nullptr;
}

// One copy for each member. `moved` is the first QP number that is still to be served, so that a
// list that changed meanwhile neither repeats nor skips a member.
Transmission transmit_to_group(Qp &qp, SendWqe &wqe, MemoryList &memory, Untold &untold) noexcept {
    Gid gid;
    std::memcpy(gid.data(), wqe.path.dgid, sizeof gid);
    const auto group = qp.sq.groups.find(gid);
    if (group == qp.sq.groups.end()) return kDone;
    const GroupMembers &members = group->second.members;
    for (auto member = std::lower_bound(members.begin(), members.end(), wqe.moved);
         member != members.end(); ++member) {
        if (TxEnd *channel = route_to(qp, *member); channel != nullptr) {
            tell(untold, channel);
            const Transmission put = put_datagram(qp, wqe, memory, *channel);
            if (put.step != Step::done) return put;
        }
        wqe.moved = *member + 1;
    }
    return kDone;
}

}  // namespace

bool skip_member(Qp &qp, SendWqe &wqe) noexcept {
    if (!qp.is_datagram || !is_multicast(wqe.path.dgid)) return false;
    Gid gid;
    std::memcpy(gid.data(), wqe.path.dgid, sizeof gid);
    const auto group = qp.sq.groups.find(gid);
    if (group == qp.sq.groups.end()) return false;
    const GroupMembers &members = group->second.members;
    const auto member = std::lower_bound(members.begin(), members.end(), wqe.moved);
    if (member == members.end()) return false;
    wqe.moved = *member + 1;
    return true;
}

Transmission transmit_datagram(Qp &qp, SendWqe &wqe, Untold &untold) noexcept {
    MemoryList memory;
    if (!list_memory(qp, wqe, 0, memory)) return {Step::failed, IBV_WC_LOC_PROT_ERR};
    if (is_multicast(wqe.path.dgid)) return transmit_to_group(qp, wqe, memory, untold);
    TxEnd *channel = route_to(qp, wqe.remote_qpn);
    if (channel == nullptr) return kDone;
    if (channel != untold.channel) tell(untold, channel);
    return put_datagram(qp, wqe, memory, *channel);
}

}  // namespace soft
