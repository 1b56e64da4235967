// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The requester of atomic operations. The responder's process carries them out with its processor's
// own atomics, so they are atomic towards everything that touches that memory; here they are
// messages, several at a time, and places where the results come back.
#include "datapath/transmit.hpp"
#include "link/link.hpp"

#include <algorithm>

namespace soft {

Transmission do_atomic(Qp &qp, SendWqe &wqe) noexcept {
    SendQueue &sq = qp.sq;
    TxEnd &channel = *sq.channel;
    if (!channel.link().is_up() || !channel.is_attached()) return kWait;
    if (wqe.length != sizeof(uint64_t)) return {Step::failed, IBV_WC_LOC_LEN_ERR};
    MemoryList memory;
    if (!list_memory(qp, wqe, IBV_ACCESS_LOCAL_WRITE, memory))
        return {Step::failed, IBV_WC_LOC_PROT_ERR};
    if (sq.max_rd_atomic == 0) return {Step::failed, IBV_WC_LOC_QP_OP_ERR};
    if (sq.atomics_under_way >= sq.max_rd_atomic) return kWait;
    Message *message = channel.reserve(sizeof(AtomicRequest));
    if (message == nullptr) return kWait;
    const bool adds = wqe.opcode == IBV_WR_ATOMIC_FETCH_AND_ADD;
    const AtomicRequest request{
        wqe.remote_address, wqe.rkey,
        static_cast<uint32_t>(adds ? AtomicKind::fetch_and_add : AtomicKind::compare_and_swap),
        wqe.atomic.compare_add, wqe.atomic.swap};
    std::memcpy(static_cast<void *>(message + 1), &request, sizeof request);
    wqe.asked = sq.next_result++ % kAtomicResults;
    message->kind = static_cast<uint8_t>(MessageKind::atomic);
    message->flags = 0;
    message->payload = sizeof request;
    message->length = wqe.length;
    message->argument = wqe.asked;
    wqe.end = channel.publish(message);
    ++sq.atomics_under_way;
    return kSent;
}

bool take_atomic_result(Qp &qp, SendWqe &wqe) noexcept {
    --qp.sq.atomics_under_way;
    MemoryList memory;
    if (!list_memory(qp, wqe, IBV_ACCESS_LOCAL_WRITE, memory)) return false;
    // relaxed: the acquire of `freed` came before.
    const uint64_t before =
        qp.sq.channel->header().atomic_results[wqe.asked].load(std::memory_order_relaxed);
    memory.scatter(&before, sizeof before);
    return !memory.has_faulted();
}

}  // namespace soft
