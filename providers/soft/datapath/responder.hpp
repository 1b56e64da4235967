// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The responder's parts: what becomes of a message, and who decides it. All under the receive
// queue's lock.
#pragma once

#include "datapath/qp.hpp"
#include "datapath/srq.hpp"

#include <algorithm>

namespace soft {

enum class Outcome {
    taken,        // done with; go on
    lost,         // passed over, as an unreliable service may; go on
    handed_over,  // done with here, and the rest is the send queue's
    sends_first,  // not before what was sent has completed
    starved,      // needs a receive that is not posted
    stopped,      // the sender does not offer it any more: it never comes
    fatal,        // the QP must enter the error state
};

// In datapath/refuse.cpp.
// Ends the conversation for a reason that both sides get to know.
[[gnu::cold]] Outcome refuse(Qp &qp, RxEnd &end, Refusal why) noexcept;
// A request that cannot be served ends a reliable conversation; on an unreliable one it is lost
// (IBTA 9.9.3.1.3).
[[gnu::cold]] Outcome reject(Qp &qp, RxEnd &end, Refusal why) noexcept;
// A key, a range or a right of our memory is wrong.
[[gnu::cold]] Outcome deny(Qp &qp, RxEnd &end) noexcept;

// In datapath/serve.cpp: what a requester cannot do to our memory himself.
[[nodiscard]] Outcome serve_write(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;
[[nodiscard]] Outcome serve_read(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;
[[nodiscard]] Outcome serve_atomic(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;
// In datapath/flush.cpp. It may take as long as the storage does.
[[nodiscard]] Outcome serve_flush(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;

// The domain that the requester's keys must be of. IBTA annex A14: XRC has that of the receive
// queue.
[[nodiscard]] inline uint32_t pd_of_keys(const Qp &qp) noexcept {
    return qp.domain_pd != nullptr ? qp.domain_pd->number : qp.rq.pd;
}

// Whose windows of type 2 the requester may use: those that the queue pair has bound. Of receiving
// by XRC nothing is bound, and the number of a stand-in is what its peer says; no window is of QP
// 0.
[[nodiscard]] inline uint32_t holder_of_windows(const Qp &qp) noexcept {
    return qp.is_xrc ? 0 : qp.qp_num;
}

inline void complete_receive(Qp &qp, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status,
                             bool solicited) noexcept {
    wc.wr_id = wqe.wr_id;
    wc.status = status;
    wc.qp_num = qp.qp_num;
    count_receive(qp, wc.byte_len, status);
    push_completion(*qp.rq.completes_to, wc, solicited || status != IBV_WC_SUCCESS, qp.rq.sink);
}

// The receive for the message in hand, or nullptr when none is posted. It stays until finish().
[[nodiscard]] inline RecvWqe *next_receive(Qp &qp) noexcept {
    ReceiveQueue &rq = qp.rq;
    if (rq.srq == nullptr) return rq.ring.is_empty() ? nullptr : &rq.ring.at(rq.ring.head);
    if (!rq.has_taken && !take_from_srq(qp)) return nullptr;
    return &rq.taken->wqe;
}

// Completes the receive in hand.
inline void finish(Qp &qp, const RecvWqe &wqe, ibv_wc &wc, ibv_wc_status status,
                   bool solicited) noexcept {
    complete_receive(qp, wqe, wc, status, solicited);
    if (qp.rq.srq == nullptr)
        ++qp.rq.ring.head;
    else
        qp.rq.has_taken = false;
}

[[nodiscard]] inline uint64_t capacity_of(const ibv_sge *sges, uint32_t count) noexcept {
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; ++i)
        total += sges[i].length;
    return total;
}

// Whether a part of a message continues where the last one ended. The first part of a message on an
// unreliable connection also follows a message whose rest was lost.
[[nodiscard]] inline bool continues(Qp &qp, const Arrival &arrival) noexcept {
    if (arrival.argument == 0 && !qp.is_reliable) qp.rq.partial = 0;
    const bool has_more = (arrival.flags & kFlagMore) != 0;
    const uint32_t offset = arrival.argument;
    return offset == qp.rq.partial &&
           arrival.payload <= arrival.length - std::min(offset, arrival.length) &&
           has_more == (offset + arrival.payload < arrival.length);
}

[[nodiscard]] inline Outcome stop(Qp &qp) noexcept {
    qp.rq.stopped = true;
    return Outcome::stopped;
}

// Starts the clock that the requester's RNR retry count sets. IBTA 9.7.5.2.8: 7 is for ever.
[[nodiscard]] Outcome starve(Qp &qp, RxEnd &end) noexcept;

// A SEND to a queue pair whose receive queue matches tags; in datapath/tag_receive.cpp.
[[nodiscard]] Outcome deliver_tagged(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;
// The queue pair takes no more: what it has in hand of tagged messages completes in error, or
// never.
void flush_tagged(Qp &qp) noexcept;
void discard_tagged(Qp &qp) noexcept;

}  // namespace soft
