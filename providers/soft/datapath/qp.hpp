// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pair: its two work queues, its state, and the engine that moves messages.
//
// Locks, in the order in which they may be taken: the process's mutex, a CQ's progress_lock, the
// send queue's lock, the receive queue's lock, then the leaves (a CQ's lock, a link's mutex, the
// process's timers and watch list). Two queues of one kind are never held at once.
#pragma once

#include "datapath/cq.hpp"
#include "datapath/spin_lock.hpp"
#include "link/channel.hpp"

#include <infiniband/verbs.h>

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

namespace soft {

class Device;
class Process;

// Whether a datagram to this GID is for the device; in control/device.cpp.
[[nodiscard]] bool owns_gid(const Device &device, const uint8_t *gid) noexcept;

struct Pd : ibv_pd {
    uint32_t number = 0;  // unique in the process; MRs and QPs are matched by it
    std::atomic<uint32_t> users{0};
};

struct Mr : ibv_mr {
    Pd *domain = nullptr;
    bool is_remote = false;  // peers may have been given access
    uint64_t iova = 0;
    int access = 0;
};

struct Ah : ibv_ah {
    Pd *domain;
    DatagramPrefix path;  // what its datagrams carry
};

// One send request in the queue. Its gather list, or its inline data, follows it in memory.
struct SendWqe {
    uint64_t wr_id;
    uint64_t end;  // ring position at which the responder is done with it; valid once sent
    uint64_t remote_address;
    uint32_t length;
    uint32_t moved;  // bytes that went through the ring already, in parts
    uint32_t asked;  // RDMA READ through the ring: bytes that the responder was asked for
    uint32_t rkey;
    uint32_t imm_be;
    uint32_t remote_qpn;
    uint32_t qkey;
    uint16_t sge_count;
    uint8_t opcode;
    bool is_signaled : 1;
    bool is_inline : 1;
    bool is_solicited : 1;
    bool is_written : 1;  // RDMA WRITE with immediate: the data is in place
    DatagramPrefix path;  // UD only

    [[nodiscard]] ibv_sge *sges() noexcept { return reinterpret_cast<ibv_sge *>(this + 1); }
    [[nodiscard]] uint8_t *inline_data() noexcept { return reinterpret_cast<uint8_t *>(this + 1); }
};

struct RecvWqe {
    uint64_t wr_id;
    uint32_t sge_count;
    uint32_t reserved;
    [[nodiscard]] ibv_sge *sges() noexcept { return reinterpret_cast<ibv_sge *>(this + 1); }
};

// A ring of work requests of fixed stride. head <= sent <= tail, free-running.
template <class Wqe>
class WorkRing {
public:
    void allocate(uint32_t capacity, std::size_t extra) {
        stride_ = (sizeof(Wqe) + extra + 63) & ~std::size_t{63};
        slots_ = 1;
        while (slots_ < capacity)
            slots_ *= 2;
        capacity_ = capacity;
        memory_.reset(static_cast<uint8_t *>(std::aligned_alloc(64, slots_ * stride_)));
        if (memory_ == nullptr) throw std::bad_alloc();
    }
    [[nodiscard]] Wqe &at(uint32_t index) noexcept {
        return *reinterpret_cast<Wqe *>(memory_.get() + (index & (slots_ - 1)) * stride_);
    }
    [[nodiscard]] bool is_full() const noexcept { return tail - head >= capacity_; }
    [[nodiscard]] bool is_empty() const noexcept { return tail == head; }

    uint32_t head = 0;
    uint32_t tail = 0;

private:
    struct Free {
        void operator()(uint8_t *memory) const noexcept { std::free(memory); }
    };
    std::unique_ptr<uint8_t, Free> memory_;
    std::size_t stride_ = 0;
    uint32_t slots_ = 0;
    uint32_t capacity_ = 0;
};

struct SendQueue {
    SpinLock lock;
    WorkRing<SendWqe> ring;
    uint32_t sent = 0;  // requests before this one are on their way (head <= sent <= tail)
    bool signals_all = false;
    std::unique_ptr<TxEnd> channel;  // RC: to the connected peer
    // UD: to each QP that was sent to. A null entry is a peer that could not be reached.
    std::unordered_map<uint32_t, std::unique_ptr<TxEnd>> routes;
    // The responder cannot take anything now (not ready, gone): when to give up; 0 not running.
    int64_t give_up_at_ns = 0;
    int64_t timer_at_ns = 0;  // when the process's timer comes; 0 none is set
    bool unreachable = false;
    bool is_draining = false;    // in SQD: what was started has not ended yet
    bool tells_drained = false;  // the end of it is an event
    // Why the QP is in error, while no send has completed with it: the next one will.
    ibv_wc_status untold = IBV_WC_WR_FLUSH_ERR;
    int64_t patience_ns = 0;  // (retry_cnt + 1) times the timeout; 0: for ever
};

struct ReceiveQueue {
    SpinLock lock;
    WorkRing<RecvWqe> ring;
    std::unique_ptr<RxEnd> channel;               // RC
    std::vector<std::unique_ptr<RxEnd>> senders;  // UD
    // A message waits in a channel for a receive to be posted (receiver not ready).
    bool starved = false;
    // A message was refused: its finder is about to put the QP into the error state, and until then
    // nobody else may take the same message with the next receive.
    bool is_broken = false;
    uint32_t partial = 0;  // bytes of a message in parts that are in place already
    // The requester is gone: what its messages only refer to must not be fetched any more.
    bool sender_left = false;
    int64_t rnr_timer_ns = 0;  // min_rnr_timer
    int64_t refuse_at_ns = 0;  // when the requester's RNR retries are over; 0 not running
    int64_t timer_at_ns = 0;   // when the process's timer comes; 0 none is set
};

enum class Driver {
    poller,  // a program's call: work that another thread has in hand is left to it
    thread,  // the progress thread: must see everything through, and asks for kicks again
};

struct Qp : ibv_qp {
    Qp(Process &process, Pd &domain) noexcept : ibv_qp{}, owner(&process), domain_pd(&domain) {}

    Process *owner;
    Pd *domain_pd;
    // The library writes the public qp_type once more after create_qp, while the thread may look.
    bool is_datagram = false;
    Cq *sends_to = nullptr;     // CQ of the send queue
    Cq *receives_to = nullptr;  // CQ of the receive queue
    EventPipe *async_events = nullptr;
    const Device *device = nullptr;
    std::atomic<ibv_qp_state> now{IBV_QPS_RESET};
    std::atomic<uint32_t> remote_access{0};
    std::atomic<uint32_t> qkey{0};
    uint32_t max_inline = 0;
    uint32_t max_send_sge = 0;
    uint32_t max_recv_sge = 0;
    ibv_qp_attr attr{};            // as set by modify_qp; under the process's mutex
    ibv_gid destination{};         // where attr.ah_attr leads; under the process's mutex
    ibv_qp_init_attr init_attr{};  // as granted
    SendQueue sq;
    ReceiveQueue rq;
};

// Whether a QP in this state takes messages. SQE and SQD are states of the send queue alone.
[[nodiscard]] constexpr bool takes_messages(ibv_qp_state state) noexcept {
    return state == IBV_QPS_RTR || state == IBV_QPS_RTS || state == IBV_QPS_SQD ||
           state == IBV_QPS_SQE;
}

// The engine: takes what arrived, retires what was acknowledged, sends what waits.
void progress(Qp &qp, Driver driver) noexcept;

// Tells both peers whether they have to wake us. Under neither queue's lock.
void update_kicks(Qp &qp) noexcept;

// Moves to the error state: everything outstanding completes with WR_FLUSH_ERR, in order.
// If `oldest_send` is not WR_FLUSH_ERR, the oldest send completes with that. No queue lock held.
void enter_error(Qp &qp, ibv_wc_status oldest_send) noexcept;

// What link/process.cpp calls under the process's mutex.
void attach_responder(Qp &qp, std::unique_ptr<RxEnd> end) noexcept;
void requester_closed(Qp &qp, Link &link, uint32_t channel) noexcept;
void responder_ready(Qp &qp) noexcept;
void responder_unready(Qp &qp,
                       uint32_t channel) noexcept;  // there is no QP to take our messages, for now
void link_lost(Qp &qp, Link &link) noexcept;
void timer_fired(Qp &qp, int64_t now_ns) noexcept;
// Ends every conversation of the QP, both directions (reset, destroy).
void disconnect(Qp &qp) noexcept;

// Ends the conversation in which the QP is the requester; another one may follow.
void stop_requesting(Qp &qp) noexcept;

// Sends, in datapath/send.cpp: all under the send queue's lock.
void advance_sends(Qp &qp) noexcept;
// RTS to SQD: what was started ends, the rest waits (IBTA 10.3.1.5).
void begin_drain(Qp &qp, bool tells) noexcept;
void flush_sends(Qp &qp, ibv_wc_status oldest) noexcept;
void drop_oldest_datagram(Qp &qp) noexcept;
// Receives, in datapath/receive.cpp. Gives true when the QP must enter the error state, which the
// caller does after giving the receive queue's lock back.
[[nodiscard]] bool take_arrivals(Qp &qp) noexcept;
void flush_receives(Qp &qp) noexcept;
void turn_senders_away(ReceiveQueue &rq) noexcept;

void report_qp_event(Qp &qp, ibv_event_type type) noexcept;

// The entries of context->ops.
int post_send(ibv_qp *qp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept;
int post_recv(ibv_qp *qp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;

[[nodiscard]] int64_t monotonic_ns() noexcept;

// Makes sure that the process's timer comes for a queue's deadline; `timer_at_ns` is the queue's.
// One timer a queue: a deadline that moved meanwhile is looked at when the timer comes.
void ensure_timer(Qp &qp, int64_t &timer_at_ns, int64_t deadline_ns) noexcept;

}  // namespace soft
