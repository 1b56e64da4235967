// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Serving requests on our memory: RDMA WRITE and READ that the requester could not carry out
// himself, and atomics. Everything that a request says was written by another process and is
// checked here.
#include "datapath/responder.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>

namespace soft {

namespace {

// The answer to a request whose memory the kernel could not reach.
Outcome cannot_reach(Qp &qp, RxEnd &end, int code) noexcept {
    return code == EFAULT ? deny(qp, end) : reject(qp, end, Refusal::operation);
}

// The domain that the requester's keys must be of. IBTA annex A14: XRC has that of the receive
// queue.
uint32_t pd_of_keys(const Qp &qp) noexcept {
    return qp.domain_pd != nullptr ? qp.domain_pd->number : qp.rq.pd;
}

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
    if ((is_read && !qp.is_reliable) ||
        (qp.remote_access.load(std::memory_order_relaxed) & needed) == 0)
        return reject(qp, end, Refusal::invalid_request);
    // All of the request must be allowed before its first byte moves.
    uint64_t address = 0;
    int code = EFAULT;
    end.begin_serving(place.rkey);
    if (translate_for_peer(qp.owner->mrs().home(), place.rkey, place.address - offset,
                           arrival.length, needed, pd_of_keys(qp), holder_of_windows(qp),
                           address)) {
        OwnMemory &memory = qp.owner->memory();
        code = is_read ? memory.read(end.segment().reply(), address + offset, place.length)
                       : memory.write(address + offset, arrival.data + sizeof place, place.length);
    }
    end.end_serving();
    return code == 0 ? Outcome::taken : cannot_reach(qp, end, code);
}

}  // namespace

Outcome serve_write(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    if (arrival.argument == 0) qp.rq.write_lost = false;
    const Outcome outcome = serve_one_sided(qp, end, arrival);
    if (outcome == Outcome::lost) qp.rq.write_lost = true;
    return outcome;
}

Outcome serve_read(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    return serve_one_sided(qp, end, arrival);
}

namespace {

// What an atomic operation needs of the memory and of the queue pair. A write is one in that nobody
// sees half of it (IBTA annex A19).
uint32_t access_for(AtomicKind kind) noexcept {
    return kind == AtomicKind::write ? IBV_ACCESS_REMOTE_WRITE : IBV_ACCESS_REMOTE_ATOMIC;
}

// IBTA 9.4.5: the operation is atomic and its target aligned. The processor's own atomics make it
// so towards every other access to that memory, whoever makes it. The kernel has none that could
// fail instead of raising a signal, so it is asked before whether the memory is there: what is left
// is a program that unmaps a region, without ibv_dereg_mr, between the one and the other.
Refusal change_word(Qp &qp, const AtomicRequest &request, uint64_t &before) noexcept {
    uint64_t address = 0;
    const auto kind = static_cast<AtomicKind>(request.kind);
    if (!translate_for_peer(qp.owner->mrs().home(), request.rkey, request.address, sizeof(uint64_t),
                            access_for(kind), pd_of_keys(qp), holder_of_windows(qp), address))
        return Refusal::access;
    // An aligned offset into a zero-based region that is not.
    if (address % sizeof(uint64_t) != 0) return Refusal::invalid_request;
    if (!OwnMemory::can_write_word(address)) return Refusal::access;
    const std::atomic_ref<uint64_t> word(*reinterpret_cast<uint64_t *>(address));
    before = request.compare_add;
    if (kind == AtomicKind::fetch_and_add)
        before = word.fetch_add(request.compare_add, std::memory_order_seq_cst);
    else if (kind == AtomicKind::write)
        word.store(request.compare_add, std::memory_order_seq_cst);
    else
        word.compare_exchange_strong(before, request.swap, std::memory_order_seq_cst);
    return Refusal::none;
}

}  // namespace

Outcome serve_atomic(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    AtomicRequest request;
    if (arrival.payload != sizeof request || arrival.argument >= kAtomicResults)
        return refuse(qp, end, Refusal::invalid_request);
    std::memcpy(&request, arrival.data, sizeof request);
    const auto kind = static_cast<AtomicKind>(request.kind);
    if ((kind != AtomicKind::fetch_and_add && kind != AtomicKind::compare_and_swap &&
         kind != AtomicKind::write) ||
        !qp.is_reliable || request.address % sizeof(uint64_t) != 0 ||
        (qp.remote_access.load(std::memory_order_relaxed) & access_for(kind)) == 0)
        return refuse(qp, end, Refusal::invalid_request);
    uint64_t before = 0;
    end.begin_serving(request.rkey);
    const Refusal refusal = change_word(qp, request, before);
    end.end_serving();
    if (refusal == Refusal::access) return deny(qp, end);
    if (refusal != Refusal::none) return refuse(qp, end, refusal);
    // relaxed: the release of `freed` comes after.
    end.header().atomic_results[arrival.argument].store(before, std::memory_order_relaxed);
    return Outcome::taken;
}

}  // namespace soft
