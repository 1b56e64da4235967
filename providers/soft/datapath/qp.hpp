// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pair: its two work queues, its state, and the engine that moves messages.
//
// Locks, in the order in which they may be taken: the process's mutex, a counter's lock, a CQ's
// progress_lock, the send queue's lock, the receive queue's lock, then the leaves (a CQ's lock, a
// link's mutex, the process's timers, watch list and windows). Two queues of one kind are never
// held at once. A channel comes and goes under its queue's lock and the progress lock of the CQ
// that the queue completes to, so that a poller can look at it with the latter alone. The lock of a
// list of tags (datapath/tags.hpp) comes after those of the queues, and before the leaves.
#pragma once

#include "core/fd.hpp"
#include "core/spin_lock.hpp"
#include "datapath/counter.hpp"
#include "datapath/cq.hpp"
#include "datapath/gather.hpp"
#include "datapath/queue_memory.hpp"
#include "faults/injector.hpp"
#include "link/channel.hpp"

#include <infiniband/verbs.h>
#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/extended_qp.hpp>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace soft {

class Device;
class Process;
struct Srq;
struct TaggedReceive;
struct XrcDomain;
struct XrcHandle;
struct XrcTarget;

using Gid = std::array<uint8_t, 16>;
// The queue pairs attached to a multicast group, in ascending order.
using GroupMembers = std::vector<uint32_t>;
struct Group {
    GroupMembers members;
    uint64_t as_of = 0;  // the process's count of changes that it knew when it looked; 0 doubtful
};
// A queue pair's own place in a group; the name goes when the descriptor does.
struct Membership {
    Gid group;
    verbs::UniqueFd name;
};

// An IPv6 multicast address, or an IPv4 one in its mapped form (IBTA annex A17).
[[nodiscard]] inline bool is_multicast(const uint8_t *gid) noexcept {
    static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(gid, kMapped, sizeof kMapped) == 0) return (gid[12] & 0xf0) == 0xe0;
    return gid[0] == 0xff;
}

// Whether a datagram to this GID is for the device; in control/device.cpp.
[[nodiscard]] bool owns_gid(const Device &device, const uint8_t *gid) noexcept;

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicTd = ibv_td;
#else
struct PublicTd {};
#endif

// A promise of the program of which we make no use: an uncontended lock costs next to nothing.
struct Td : PublicTd {
    Td() noexcept : PublicTd{} {}
    std::atomic<uint32_t> users{0};  // parent domains
};

struct Pd : ibv_pd {
    Pd() noexcept : ibv_pd{} {}

    // MRs and QPs are matched by it. Unique in the process, but for parent domains: they have that
    // of the domain underneath, so that the objects of both work together.
    uint32_t number = 0;
    std::atomic<uint32_t> users{0};  // objects, and parent domains
    Pd *base = nullptr;              // of a parent domain: the one underneath
    Td *thread = nullptr;            // of a parent domain, if it has one
    bool is_imported = false;        // another context has one of the same number
    QueueAllocator allocator;
};

struct Mr : ibv_mr {
    Pd *domain = nullptr;
    bool is_remote = false;    // peers may have been given access
    bool is_fixed = false;     // no range of the program's: nothing to register anew
    bool is_imported = false;  // the entry of the table is another context's as well
    verbs::Mapping memory;     // of a dma-buf
    std::atomic<uint32_t> *siblings = nullptr;  // of device memory: how many regions that has
    uint64_t iova = 0;
    int access = 0;
    std::atomic<uint32_t> windows{0};  // memory windows bound to it, or about to be
};

// A memory window: an entry of the memory table that lives only while the window is bound.
struct Mw : ibv_mw {
    Pd *domain = nullptr;
    std::atomic<uint32_t> pending{0};  // binds that are posted and not carried out yet
    uint32_t index = 0;                // of its entry
    // The one below, and the table's entry, change as binds are carried out: under the send queue's
    // lock of the QP that binds, one at a time as verbs asks of the program.
    uint32_t bound_key = 0;  // valid for peers now; 0 when not bound
    Mr *region = nullptr;    // what it is bound to
    // Of type 2: peers take its bindings back too, so that these and the two above are under the
    // lock of the process's Windows.
    bool is_type_2 = false;
    uint32_t last_key = 0;  // which the next bind may not have again
    uint32_t holder = 0;    // the queue pair that it is bound to
};

struct Ah : ibv_ah {
    Pd *domain;
    DatagramPrefix path;  // what its datagrams carry
};

struct AtomicOperands {
    uint64_t compare_add;
    uint64_t swap;
};

struct FlushKind {
    uint8_t type;   // enum ibv_placement_type
    uint8_t level;  // enum ibv_selectivity_level
};

// A memory window's next state. Without a region, or of no bytes: unbound.
struct Binding {
    Mw *window;
    Mr *region;
    uint64_t address;
    uint64_t length;
    uint32_t access;
    uint32_t key;  // what the window's rkey becomes
};

// In place of the public opcodes, and above all of these: what changes windows and moves nothing.
inline constexpr uint8_t kOpcodeBind = 0x80;        // by ibv_bind_mw, or IBV_WR_BIND_MW
inline constexpr uint8_t kOpcodeInvalidate = 0x81;  // IBV_WR_LOCAL_INV; the key is in imm_be
// And what a receive queue that matches tags has its queue pair do: datapath/rendezvous.cpp.
inline constexpr uint8_t kOpcodeRendezvous = 0x82;
// IBV_WR_ATOMIC_WRITE: in the free place of IBV_WR_LOCAL_INV, where it is one range with the other
// atomics.
inline constexpr uint8_t kOpcodeAtomicWrite = IBV_WR_ATOMIC_FETCH_AND_ADD + 1;
static_assert(kOpcodeAtomicWrite == IBV_WR_LOCAL_INV);

// The headers of a rendezvous message, which go back to its sender once the data is here.
struct RendezvousAnswer {
    std::array<uint8_t, 32> headers;
    bool is_solicited;
};

// One send request in the queue. Its gather list, or its inline data, follows it in memory.
struct SendWqe {
    uint64_t wr_id;
    uint64_t end;  // ring position at which the responder is done with it; valid once sent
    uint64_t remote_address;
    uint32_t length;
    uint32_t moved;  // bytes that went through the ring already, in parts
    uint32_t asked;  // RDMA READ through the ring: bytes that the responder was asked for;
                     // atomics: the place of the result
    uint32_t rkey;
    uint32_t imm_be;
    uint32_t remote_qpn;
    uint32_t qkey_or_srqn;
    uint16_t sge_count;
    uint8_t opcode;
    bool is_signaled : 1;
    bool is_inline : 1;
    bool is_solicited : 1;
    bool is_written : 1;  // RDMA WRITE with immediate, rendezvous: the data is in place
    bool is_fenced : 1;   // not before earlier READs and atomics are complete
    union {
        DatagramPrefix path;      // UD
        AtomicOperands atomic;    // atomics
        Binding binding;          // kOpcodeBind
        RendezvousAnswer answer;  // kOpcodeRendezvous
        FlushKind flush;          // IBV_WR_FLUSH
    };

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
    [[nodiscard]] verbs::Result<void> allocate(const QueueAllocator &allocator, QueueKind kind,
                                               uint32_t capacity, std::size_t extra) {
        stride_ = (sizeof(Wqe) + extra + 63) & ~std::size_t{63};
        slots_ = 1;
        while (slots_ < capacity)
            slots_ *= 2;
        capacity_ = capacity;
        VERBS_TRY(memory, QueueMemory::take(&allocator, kind, slots_ * stride_));
        memory_ = std::move(memory);
        return {};
    }
    [[nodiscard]] Wqe &at(uint32_t index) noexcept {
        return *reinterpret_cast<Wqe *>(memory_.data() + (index & (slots_ - 1)) * stride_);
    }
    // Takes over what waits in another ring of no more entries than this one has, and no larger
    // ones.
    void take_over(WorkRing &old) noexcept {
        for (; old.head != old.tail; ++old.head, ++tail)
            std::memcpy(static_cast<void *>(&at(tail)), &old.at(old.head),
                        std::min(stride_, old.stride_));
    }
    [[nodiscard]] bool is_full() const noexcept { return tail - head >= capacity_; }
    [[nodiscard]] bool is_empty() const noexcept { return tail == head; }
    [[nodiscard]] uint32_t count() const noexcept { return tail - head; }
    [[nodiscard]] uint32_t room() const noexcept {
        return capacity_ - std::min(capacity_, count());
    }
    // From now on it is full to whoever asks: its entries are not the program's.
    void close() noexcept { capacity_ = 0; }

    uint32_t head = 0;
    uint32_t tail = 0;

private:
    QueueMemory memory_;
    std::size_t stride_ = 0;
    uint32_t slots_ = 0;
    uint32_t capacity_ = 0;
};

// What a poller waits for before it takes the send queue's lock.
inline constexpr uint64_t kNothingToDo = ~uint64_t{0};
inline constexpr uint64_t kAlwaysTry = 0;

// XRC: a channel to the process that owns a block of numbers, while it is not the queue's
// `channel`.
struct XrcRoute {
    uint32_t block;
    bool is_refused;  // no receive queue there takes our messages
    std::unique_ptr<TxEnd> parked;
};

struct SendQueue {
    SpinLock lock;
    Sink *sink = nullptr;  // of the poller that holds the lock
    // The ring position that the responder has to free for the next completion, or one of the two
    // above. Written under the lock.
    std::atomic<uint64_t> awaits{kNothingToDo};
    WorkRing<SendWqe> ring;
    uint32_t sent = 0;  // requests before this one are on their way (head <= sent <= tail)
    bool signals_all = false;
    uint32_t pd = 0;  // whose regions requests name: the QP's, or that of an SRQ that matches tags
    std::unique_ptr<TxEnd> channel;  // RC, UC: to the connected peer; XRC: the one in use
    // XRC: every channel has its place here, the first is the one to the connected peer.
    std::vector<XrcRoute> xrc_routes;
    std::size_t xrc_route = 0;  // whose channel is in use
    // UD: to each QP that was sent to. A null entry is a peer that could not be reached.
    std::unordered_map<uint32_t, std::unique_ptr<TxEnd>> routes;
    std::map<Gid, Group> groups;       // UD: that were sent to
    uint64_t lost_routes = 0;          // how many of `routes` went, which puts the groups in doubt
    bool takes_atomic_writes = false;  // experimental: asked for when it was made
    uint32_t max_rd_atomic = 0;        // at most kAtomicResults
    uint32_t atomics_under_way = 0;
    uint32_t next_result = 0;  // place of the next atomic's result
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
    Sink *sink = nullptr;  // of the poller that holds the lock
    // What our own messages tell the peer of `channel` (qkey_or_ack).
    std::atomic<uint32_t> acknowledgement{0};
    WorkRing<RecvWqe> ring;
    Srq *srq = nullptr;  // where receives come from instead of `ring`; XRC: for this message
    Cq *completes_to = nullptr;  // XRC: the receive queue's
    // The receive that was taken out of the SRQ for the message in hand, and room for its SGEs.
    struct Taken {
        RecvWqe wqe;
        ibv_sge sges[kMaxSge];
    };
    std::unique_ptr<Taken> taken;
    std::unique_ptr<TaggedReceive> tagged;  // of a queue pair whose SRQ matches tags
    bool has_taken = false;
    bool waits_for_srq = false;      // in srq->waiting; under its lock
    uint32_t pd = 0;                 // whose regions receives name: the SRQ's, else the QP's
    std::unique_ptr<RxEnd> channel;  // RC, UC
    std::vector<std::unique_ptr<RxEnd>> senders;  // UD
    std::vector<Gid> groups;                      // UD: attached to
    // A message waits in a channel for a receive to be posted (receiver not ready).
    bool starved = false;
    // A message waits whose data cannot be fetched: its sender has given it up or has ended, and
    // what will say so is still to be handled.
    bool stopped = false;
    // A message was refused: its finder is about to put the QP into the error state, and until then
    // nobody else may take the same message with the next receive.
    bool is_broken = false;
    // A message that is not to be taken before what was sent has completed (an answer, a refusal)
    // waits in front of this ring position; and up to where such messages do not wait any more.
    uint64_t answer = 0;
    uint64_t answers_to = 0;
    uint32_t partial = 0;  // bytes of a message in parts that are in place already
    // Unreliable: a part of the RDMA WRITE that is coming in parts was refused.
    bool write_lost = false;
    // The requester is gone: what its messages only refer to must not be fetched any more.
    bool sender_left = false;
    int64_t rnr_timer_ns = 0;  // min_rnr_timer
    int64_t refuse_at_ns = 0;  // when the requester's RNR retries are over; 0 not running
    int64_t timer_at_ns = 0;   // when the process's timer comes; 0 none is set
};

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicQp = verbs::provider::ExtendedQp;
#else
using PublicQp = ibv_qp;
#endif

struct Qp : PublicQp {
    // A plain one has no constructor that would clear it.
    Qp(Process &process, Pd *domain) noexcept;
    Qp(const Qp &) = delete;
    Qp &operator=(const Qp &) = delete;
    ~Qp();

    Process *owner;
    Pd *domain_pd;  // nullptr: receives by XRC, in the domains of the receive queues
    // The library writes the public qp_type once more after create_qp, while the thread may look.
    bool is_datagram = false;
    bool is_xrc = false;        // messages name a receive queue
    bool has_one_peer = true;   // neither of the two: messages need no address
    bool opens_ways = false;    // unreliable, or XRC: a post may find that a channel is missing
    bool is_reliable = false;   // RC, XRC: what cannot be delivered is an error, not a loss
    bool has_faults = false;    // `faults` is to be asked
    bool takes_detour = false;  // messages that come in need a look for faults, or at their tags
    // nullptr: nobody counts. Set under the locks of both queues.
    std::unique_ptr<QpCounters> counters;
    Cq *sends_to = nullptr;     // CQ of the send queue
    Cq *receives_to = nullptr;  // CQ of the receive queue
    // In their `polled`; the first alone where they are one.
    std::size_t place_in_sends_to = 0;
    std::size_t place_in_receives_to = 0;
    EventPipe *async_events = nullptr;
    const Device *device = nullptr;
    std::atomic<ibv_qp_state> now{IBV_QPS_RESET};
    std::atomic<uint32_t> remote_access{0};
    std::atomic<uint32_t> qkey{0};
    // What the peer's last message told: how far it has freed the ring of sq.channel, if it knew
    // that one already (TxEnd::learn).
    std::atomic<uint32_t> acknowledged{0};
    uint32_t max_inline = 0;
    uint32_t max_send_sge = 0;
    uint32_t max_recv_sge = 0;
    std::vector<Membership> memberships;  // UD; under the process's mutex
    ibv_qp_attr attr{};                   // as set by modify_qp; under the process's mutex
    ibv_gid destination{};                // where attr.ah_attr leads; under the process's mutex
    ibv_qp_init_attr init_attr{};         // as granted
    SendQueue sq;
    ReceiveQueue rq;
    std::unique_ptr<QpFaults> faults;
    // Receiving by XRC. One with neither target nor handle stands in for a queue pair of another
    // process, whose messages are for receive queues of this one.
    std::shared_ptr<XrcDomain> xrc;
    std::unique_ptr<XrcTarget> target;
    std::unique_ptr<XrcHandle> handle_of;  // not a queue pair: what the program has of one
};

// Whether a QP in this state takes messages. SQE and SQD are states of the send queue alone.
[[nodiscard]] constexpr bool takes_messages(ibv_qp_state state) noexcept {
    return state == IBV_QPS_RTR || state == IBV_QPS_RTS || state == IBV_QPS_SQD ||
           state == IBV_QPS_SQE;
}

[[nodiscard]] inline ChannelKind kind_of(const Qp &qp) noexcept {
    if (qp.is_datagram) return ChannelKind::ud;
    if (qp.is_xrc) return ChannelKind::xrc;
    return qp.is_reliable ? ChannelKind::rc : ChannelKind::uc;
}

// A receive is done with, whoever tells the program. Under a queue's lock.
inline void count_receive(Qp &qp, uint32_t bytes, ibv_wc_status status) noexcept {
    if (qp.counters != nullptr) [[unlikely]]
        qp.counters->count(Counted::receive, bytes, status);
}

// Among those that complete into a CQ, from now on or no longer.
void join_queue(Cq &cq, Qp &qp);
void leave_queue(Cq &cq, Qp &qp) noexcept;

// The engine, driven by the progress thread or on its behalf: takes what arrived, retires what was
// acknowledged, sends what waits, and asks for kicks again unless a program polls.
void progress(Qp &qp) noexcept;
// The same by a poller of `cq`, which holds its progress lock: only the queues that complete there,
// and only when something is to be done for them.
void poll_queues(Qp &qp, Cq &cq, Sink &sink) noexcept;

// Tells both peers whether they have to wake us. Under neither queue's lock.
void update_kicks(Qp &qp) noexcept;

// What is left to do of a turn on the receive queue after its lock is given back.
enum class Turn : uint8_t {
    over,
    sends,   // the send queue has its turn now, and then the receive queue once more
    failed,  // the QP must enter the error state
};
void settle(Qp &qp, Turn turn) noexcept;

// Moves to the error state: everything outstanding completes with WR_FLUSH_ERR, in order.
// If `oldest_send` is not WR_FLUSH_ERR, the oldest send completes with that. No queue lock held.
void enter_error(Qp &qp, ibv_wc_status oldest_send) noexcept;

// What link/process.cpp calls under the process's mutex.
void attach_responder(Qp &qp, std::unique_ptr<RxEnd> end) noexcept;
void requester_closed(Qp &qp, Link &link, uint32_t channel) noexcept;
void responder_ready(Qp &qp) noexcept;
// There is no QP to take our messages: for now, or for good.
void responder_unready(Qp &qp, uint32_t channel, bool for_good) noexcept;
void link_lost(Qp &qp, Link &link) noexcept;
void timer_fired(Qp &qp, int64_t now_ns) noexcept;
// Ends every conversation of the QP, both directions (reset, destroy).
void disconnect(Qp &qp) noexcept;

// Ends the conversation in which the QP is the requester; another one may follow.
void stop_requesting(Qp &qp) noexcept;
// The responder may forget the channel, and what is still in it.
void close_channel(TxEnd &end) noexcept;

// Sends, in datapath/send.cpp: all under the send queue's lock.
void advance_sends(Qp &qp) noexcept;
// What a post does: sends what can be sent, and looks for acknowledgements only if it has to.
void push_sends(Qp &qp) noexcept;
// RTS to SQD: what was started ends, the rest waits (IBTA 10.3.1.5).
void begin_drain(Qp &qp, bool tells) noexcept;
void flush_sends(Qp &qp, ibv_wc_status oldest) noexcept;
void drop_oldest_unreliable(Qp &qp) noexcept;
// The peer enters its error state, because what it was asked for was refused elsewhere.
void tell_refusal(Qp &qp, ibv_wc_status status) noexcept;
// Empties the queue without a completion (reset, destroy).
void discard_sends(Qp &qp) noexcept;
// An SRQ that matches tags has work for the send queue.
void start_rendezvous(Qp &qp) noexcept;
// Receives, in datapath/receive.cpp. What it gives, if not `over`, is for settle().
[[nodiscard]] Turn take_arrivals(Qp &qp) noexcept;
void flush_receives(Qp &qp) noexcept;
void discard_receives(Qp &qp) noexcept;
// Tells the senders that nobody will take their messages any more; in datapath/refuse.cpp.
void turn_senders_away(ReceiveQueue &rq) noexcept;

void report_qp_event(Qp &qp, ibv_event_type type) noexcept;

// The entries of context->ops.
int post_send(ibv_qp *qp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept;
int post_recv(ibv_qp *qp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;
#ifdef VERBS_EXPERIMENTAL_ENABLED
// post_send for `count` requests, all of them or none. 0 or an errno value.
int post_all(Qp &qp, ibv_send_wr *first, uint32_t count) noexcept;
#endif
// What ibv_bind_mw asks for, as a send request.
int post_bind(Qp &qp, const Binding &binding, uint64_t wr_id, unsigned send_flags) noexcept;

[[nodiscard]] int64_t monotonic_ns() noexcept;

// Makes sure that the process's timer comes for a queue's deadline; `timer_at_ns` is the queue's.
// One timer a queue: a deadline that moved meanwhile is looked at when the timer comes.
void ensure_timer(Qp &qp, int64_t &timer_at_ns, int64_t deadline_ns) noexcept;

}  // namespace soft
