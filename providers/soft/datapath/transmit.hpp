// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Putting one send request on its way. All under the send queue's lock; what becomes of the request
// is the caller's (datapath/requester.cpp).
#pragma once

#include "datapath/gather.hpp"
#include "datapath/qp.hpp"

namespace soft {

enum class Step {
    wait,    // not now
    sent,    // done when the responder has freed the ring up to wqe.end
    done,    // complete; only ever the oldest request
    failed,  // with `status`; only ever the oldest request
};

struct Transmission {
    Step step;
    ibv_wc_status status = IBV_WC_SUCCESS;
};

inline constexpr Transmission kWait{Step::wait};
inline constexpr Transmission kSent{Step::sent};
inline constexpr Transmission kDone{Step::done};

inline constexpr uint32_t kDatagramMax = 4096;       // the port's MTU
inline constexpr uint64_t kMessageMax = 1ull << 31;  // max_msg_sz of the port

// A channel that holds messages its responder was not told of yet, and up to where it was.
struct Untold {
    TxEnd *channel = nullptr;
    uint64_t told = 0;
};

// Whether nothing that was posted before this request is still incomplete.
[[nodiscard]] inline bool is_oldest(const Qp &qp) noexcept {
    return qp.sq.ring.head == qp.sq.sent;
}

// Wakes the responder's process if it asked for that.
void kick_responder(TxEnd &channel) noexcept;
// Tells the responder what it was not told yet; from now on of `channel`.
void tell(Untold &untold, TxEnd *channel) noexcept;

[[nodiscard]] Transmission transmit_connected(Qp &qp, SendWqe &wqe) noexcept;
[[nodiscard]] Transmission transmit_datagram(Qp &qp, SendWqe &wqe, Untold &untold) noexcept;

// Gives up the member of a group that a datagram waits for. False: it does not wait for one.
[[nodiscard]] bool skip_member(Qp &qp, SendWqe &wqe) noexcept;

// Where a request's gather list leads. False: a key, a range or a right is wrong.
[[nodiscard]] bool list_memory(Qp &qp, SendWqe &wqe, uint32_t access, MemoryList &memory) noexcept;
// The flags and fields that SENDs and WRITEs with immediate have alike.
void describe(Message &message, const Qp &qp, const SendWqe &wqe) noexcept;
// Puts the next part of a long message into the ring: `front` first, then `part` bytes of the data.
// Gives nullptr when the ring is full.
[[nodiscard]] Message *put_part(TxEnd &channel, SendWqe &wqe, MemoryList &memory,
                                const OneSided *front, uint32_t part) noexcept;

// In datapath/one_sided.cpp.
[[nodiscard]] Transmission do_one_sided(Qp &qp, SendWqe &wqe) noexcept;
[[nodiscard]] Transmission write_with_immediate(Qp &qp, SendWqe &wqe) noexcept;
// In datapath/atomic.cpp.
[[nodiscard]] Transmission do_atomic(Qp &qp, SendWqe &wqe) noexcept;
// Stores what an acknowledged atomic has brought. False: the local memory is no longer ours.
[[nodiscard]] bool take_atomic_result(Qp &qp, SendWqe &wqe) noexcept;
// In datapath/rendezvous.cpp.
[[nodiscard]] Transmission answer_rendezvous(Qp &qp, SendWqe &wqe) noexcept;
// In datapath/flush.cpp.
[[nodiscard]] Transmission do_flush(Qp &qp, SendWqe &wqe) noexcept;
// In datapath/bind.cpp.
[[nodiscard]] Transmission change_window(Qp &qp, SendWqe &wqe) noexcept;
// Keeps window and region from going until the bind is carried out.
void hold_bind(const Binding &binding) noexcept;
// The bind will not be carried out.
void drop_bind(SendWqe &wqe) noexcept;

}  // namespace soft
