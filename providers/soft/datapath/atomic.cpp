// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The requester of atomic operations. The responder's process carries them out with its processor's
// own atomics, so they are atomic towards everything that touches that memory; here they are
// messages, several at a time, and places where the results come back.
#include "datapath/transmit.hpp"
#include "link/link.hpp"

#include <algorithm>

namespace soft {

namespace {

AtomicKind kind_of(const SendWqe &wqe) noexcept {
    switch (wqe.opcode) {
    case IBV_WR_ATOMIC_FETCH_AND_ADD:
        return AtomicKind::fetch_and_add;
    case IBV_WR_ATOMIC_CMP_AND_SWP:
        return AtomicKind::compare_and_swap;
    default:
        return AtomicKind::write;
    }
}

// The operands of a write are what it writes, which is here. False: it is not ours to read.
bool take_operands(Qp &qp, SendWqe &wqe, MemoryList &memory) noexcept {
    const bool is_write = wqe.opcode == kOpcodeAtomicWrite;
    if (!list_memory(qp, wqe, is_write ? 0u : unsigned{IBV_ACCESS_LOCAL_WRITE}, memory))
        return false;
    if (!is_write) return true;
    wqe.atomic = {};
    auto *const value = reinterpret_cast<uint8_t *>(&wqe.atomic.compare_add);
    if (wqe.is_inline)
        std::memcpy(value, wqe.inline_data(), sizeof(uint64_t));
    else
        memory.gather(value);
    return !memory.has_faulted();
}

}  // namespace

Transmission do_atomic(Qp &qp, SendWqe &wqe) noexcept {
    SendQueue &sq = qp.sq;
    TxEnd &channel = *sq.channel;
    if (!channel.link().is_up() || !channel.is_attached()) return kWait;
    if (wqe.length != sizeof(uint64_t)) return {Step::failed, IBV_WC_LOC_LEN_ERR};
    MemoryList memory;
    if (!take_operands(qp, wqe, memory)) return {Step::failed, IBV_WC_LOC_PROT_ERR};
    if (sq.max_rd_atomic == 0) return {Step::failed, IBV_WC_LOC_QP_OP_ERR};
    if (sq.atomics_under_way >= sq.max_rd_atomic) return kWait;
    Message *message = channel.reserve(sizeof(AtomicRequest));
    if (message == nullptr) return kWait;
    const AtomicRequest request{wqe.remote_address, wqe.rkey, static_cast<uint32_t>(kind_of(wqe)),
                                wqe.atomic.compare_add, wqe.atomic.swap};
    std::memcpy(static_cast<void *>(message + 1), &request, sizeof request);
    wqe.asked = sq.next_result++ % kAtomicResults;
    message->kind = static_cast<uint8_t>(MessageKind::atomic);
    message->flags = 0;
    message->payload = sizeof request;
    message->length = wqe.length;
    message->qkey_or_ack = wqe.qkey_or_srqn;
    message->argument = wqe.asked;
    wqe.end = channel.publish(message);
    ++sq.atomics_under_way;
    return kSent;
}

bool take_atomic_result(Qp &qp, SendWqe &wqe) noexcept {
    --qp.sq.atomics_under_way;
    if (wqe.opcode == kOpcodeAtomicWrite) return true;  // it has none
    MemoryList memory;
    if (!list_memory(qp, wqe, IBV_ACCESS_LOCAL_WRITE, memory)) return false;
    // relaxed: the acquire of `freed` came before.
    const uint64_t before =
        qp.sq.channel->header().atomic_results[wqe.asked].load(std::memory_order_relaxed);
    memory.scatter(&before, sizeof before);
    return !memory.has_faulted();
}

}  // namespace soft
