// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The responder's parts: what becomes of a message, and who decides it. All under the receive
// queue's lock.
#pragma once

#include "datapath/qp.hpp"

namespace soft {

enum class Outcome {
    taken,    // done with; go on
    lost,     // passed over, as an unreliable service may; go on
    starved,  // needs a receive that is not posted
    stopped,  // the sender does not offer it any more: it never comes
    fatal,    // the QP must enter the error state
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

// Whose windows of type 2 the requester may use: those that the queue pair has bound. Of receiving
// by XRC nothing is bound, and the number of a stand-in is what its peer says; no window is of QP
// 0.
[[nodiscard]] inline uint32_t holder_of_windows(const Qp &qp) noexcept {
    return qp.is_xrc ? 0 : qp.qp_num;
}

}  // namespace soft
