// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// RDMA WRITE and READ: carried out here and now, by copying between the two processes, where that
// is allowed; through the ring, by the responder, where it is not.
//
// A request that copies waits until everything before it is complete, which is the order that a
// responder would keep.
#include "datapath/fence.hpp"
#include "datapath/transmit.hpp"
#include "link/link.hpp"
#include "link/process.hpp"
#include "link/remote_memory.hpp"

#include <algorithm>
#include <cerrno>

namespace soft {

namespace {

// An RDMA WRITE through the ring: the responder looks up the key and copies.
Transmission write_in_parts(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    TxEnd &channel = *qp.sq.channel;
    memory.skip(wqe.moved);
    while (wqe.moved < wqe.length) {
        const uint32_t part = std::min(wqe.length - wqe.moved, kEagerBytes);
        const OneSided place{wqe.remote_address + wqe.moved, wqe.rkey, part};
        Message *message = put_part(channel, wqe, memory, &place, part);
        if (message == nullptr) return kWait;
        if (memory.has_faulted()) return {Step::failed, IBV_WC_LOC_PROT_ERR};
        message->kind = static_cast<uint8_t>(MessageKind::write);
        if (wqe.opcode == IBV_WR_RDMA_WRITE_WITH_IMM) message->flags = kFlagImmediate;
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
            if (rest.has_faulted()) return {Step::failed, IBV_WC_LOC_PROT_ERR};
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
        message->qkey_or_ack = wqe.qkey_or_srqn;
        message->argument = wqe.moved;
        wqe.end = channel.publish(message);
        wqe.asked = wqe.moved + place.length;
        kick_responder(channel);
    }
}

void copy_by_mapping(SendWqe &wqe, MemoryList &memory, uint8_t *there) noexcept {
    if (wqe.opcode == IBV_WR_RDMA_READ)
        memory.scatter(there, wqe.length);
    else if (wqe.is_inline)
        copy_in_order(there, wqe.inline_data(), wqe.length);
    else
        memory.gather_in_order(there);
}

int copy_by_kernel(SendWqe &wqe, MemoryList &memory, pid_t pid, uint64_t address) noexcept {
    iovec inlined{wqe.inline_data(), wqe.length};
    iovec there{reinterpret_cast<void *>(address), wqe.length};
    return copy_across(pid,
                       wqe.opcode == IBV_WR_RDMA_READ ? Direction::from_peer : Direction::to_peer,
                       wqe.is_inline ? &inlined : memory.parts(),
                       wqe.is_inline ? 1 : memory.count(), &there, 1, wqe.length);
}

// From memory to memory, after the peer's table has allowed it. 0 or an errno value; EAGAIN: the
// responder has to do it.
int copy_directly(Qp &qp, SendWqe &wqe, MemoryList &memory, uint32_t needed) noexcept {
    TxEnd &channel = *qp.sq.channel;
    Link &link = channel.link();
    ChannelHeader &header = channel.header();
    // Announced first, looked up after: see ChannelHeader::accessing_rkey. The exchange is the
    // fence between the two.
    header.accessing_rkey.exchange(wqe.rkey, std::memory_order_seq_cst);
    RemotePlace place;
    int code = EACCES;
    if (!channel.is_attached()) {
        code = ENOTCONN;  // turned away meanwhile: see RxEnd::await_copy
    } else if (find_place(link.home(), wqe.rkey, wqe.remote_address, wqe.length, needed,
                          header.responder_pd.load(std::memory_order_relaxed),
                          channel.responder_qpn(), place)) {
        uint8_t *there = link.find_shared(place.file, place.file_offset, wqe.length);
        if (there != nullptr) {
            copy_by_mapping(wqe, memory, there);
            code = memory.has_faulted() ? EFAULT : 0;
        } else {
            const bool is_reached = (place.rights & kAccessOwnersAlone) == 0;
            code = link.reaches_peer() && is_reached && memory.is_plain()
                       ? copy_by_kernel(wqe, memory, link.pid(), place.address)
                       : EAGAIN;
        }
    }
    // release: the copy is over before the key is taken back.
    header.accessing_rkey.store(0, std::memory_order_release);
    return code;
}

Transmission through_ring(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    if (wqe.opcode != IBV_WR_RDMA_READ) return write_in_parts(qp, wqe, memory);
    return is_oldest(qp) ? read_in_parts(qp, wqe, memory) : kWait;
}

}  // namespace

Transmission do_one_sided(Qp &qp, SendWqe &wqe) noexcept {
    TxEnd &channel = *qp.sq.channel;
    const bool is_read = wqe.opcode == IBV_WR_RDMA_READ;
    if (!channel.link().is_up() || !channel.is_attached()) return kWait;
    MemoryList memory;
    if (!list_memory(qp, wqe, is_read ? static_cast<uint32_t>(IBV_ACCESS_LOCAL_WRITE) : 0, memory))
        return {Step::failed, IBV_WC_LOC_PROT_ERR};
    const ChannelHeader &header = channel.header();
    if (is_read && qp.sq.max_rd_atomic == 0) return {Step::failed, IBV_WC_LOC_QP_OP_ERR};
    const uint32_t needed = is_read ? IBV_ACCESS_REMOTE_READ : IBV_ACCESS_REMOTE_WRITE;
    if ((header.responder_access.load(std::memory_order_acquire) & needed) == 0)
        return {Step::failed, IBV_WC_REM_INV_REQ_ERR};
    if (wqe.length == 0) return is_oldest(qp) ? kDone : kWait;
    // Which domain the key must be of is known where the receive queue is.
    if (qp.is_xrc) return through_ring(qp, wqe, memory);
    const bool needs_responder = !channel.link().reaches_peer() || !memory.is_plain();
    if (needs_responder && (!is_oldest(qp) || wqe.moved != 0 || wqe.asked != 0))
        return through_ring(qp, wqe, memory);
    if (!is_oldest(qp)) return kWait;
    const int code = copy_directly(qp, wqe, memory, needed);
    if (code == EAGAIN) return through_ring(qp, wqe, memory);
    if (code == 0) return kDone;
    if (code == ENOTCONN) return kWait;
    if (memory.has_faulted()) return {Step::failed, IBV_WC_LOC_PROT_ERR};
    if (code == ESRCH) return {Step::failed, IBV_WC_RETRY_EXC_ERR};
    return {Step::failed, IBV_WC_REM_ACCESS_ERR};
}

Transmission write_with_immediate(Qp &qp, SendWqe &wqe) noexcept {
    if (!wqe.is_written) {
        const Transmission written = do_one_sided(qp, wqe);
        if (written.step != Step::done && written.step != Step::sent) return written;
        wqe.is_written = true;
    }
    TxEnd &channel = *qp.sq.channel;
    Message *message = channel.reserve(0);
    if (message == nullptr) return kWait;
    message->kind = static_cast<uint8_t>(MessageKind::write_imm);
    message->payload = 0;
    describe(*message, qp, wqe);
    wqe.end = channel.publish(message);
    return kSent;
}

}  // namespace soft
