// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queue: a ring of work completions in this process's memory. Polling an empty queue
// also drives the queue pairs that complete into it; that is the software device's engine while
// a program polls. While it does not, the progress thread is.
#pragma once

#include "control/event_pipe.hpp"
#include "core/spin_lock.hpp"
#include "datapath/queue_memory.hpp"

#include <infiniband/verbs.h>
#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/extended_cq.hpp>
#endif

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace soft {

using verbs::SpinLock;

class Process;
struct Pd;
struct Qp;

struct CompChannel : ibv_comp_channel {
    EventPipe pipe;
};

// Where completions of a queue go while its program polls it: into the program's own array, as long
// as nothing older waits in the queue.
struct Sink {
    ibv_wc *at;
    ibv_wc *end;
};

// What a tagged message says of itself.
struct TagInfo {
    uint64_t tag;
    uint32_t priv;
};

// What a completion tells beyond struct ibv_wc.
struct Beside {
    int64_t made_at_ns;
    TagInfo tagged;
};

enum class Armed : uint8_t { no, solicited, next };

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicCq = verbs::provider::ExtendedCq;
#else
using PublicCq = ibv_cq;
#endif

struct Cq : PublicCq {
    // A plain one has no constructor that would clear it.
    explicit Cq(Process &process) noexcept
        : PublicCq{},  // NOLINT(readability-redundant-member-init)
          owner(&process) {}

    Process *owner;
    CompChannel *events = nullptr;
    EventPipe *async_events = nullptr;
    uint32_t users = 0;    // queue pairs; under the process's mutex
    Pd *domain = nullptr;  // the parent domain that it was made in, if any

    [[nodiscard]] bool is_empty() const noexcept {
        return head.load(std::memory_order_relaxed) == tail.load(std::memory_order_relaxed);
    }

    SpinLock lock;  // leaf: the ring, its size (cqe too), what is armed and untold
    ibv_wc *ring = nullptr;
    Beside *beside = nullptr;  // of each entry; nullptr unless the program asked for some of it
    QueueMemory memory;        // of both
    uint32_t capacity = 0;     // power of two
    // Free-running; written under the lock, looked at without it.
    std::atomic<uint32_t> head{0};
    std::atomic<uint32_t> tail{0};
    std::atomic<Armed> armed{Armed::no};  // written under the lock
    // The ring has something of which no event told, and something solicited. Mean nothing while
    // it is empty.
    bool has_untold = false;
    bool has_untold_solicited = false;
    bool overrun = false;

    // Taken before any queue's lock; a poller that finds it taken leaves the work to its holder.
    SpinLock progress_lock;
    std::vector<Qp *> polled;     // the queue pairs that complete here
    std::size_t next_polled = 0;  // whose turn it is, of more than one poll looks at
    // A program polls this queue in a loop, so peers need not wake the progress thread. Written
    // under progress_lock.
    std::atomic<bool> is_polled{false};
    // Polls since the queue was armed or the progress thread last looked.
    std::atomic<uint32_t> polls{0};
    std::atomic<uint32_t> polls_seen{0};  // by the progress thread when it last looked

    // Places in the process's lists of queues that are polled. Inside of the queue, as a poll leads
    // there and must not allocate.
    using Place = boost::intrusive::list_member_hook<>;
    Place to_watch_place;  // under the process's lock of notes
    Place watched_place;   // under its mutex

    // The XRC domains (datapath/xrc.hpp) that have receive queues which complete here, each by its
    // hub: a CQ of its own that is never filled. Whoever polls this one polls those. Under
    // progress_lock, which is taken before the hub's.
    struct Hub {
        Cq *cq;
        uint32_t queues;  // receive queues of the domain that complete here
    };
    std::vector<Hub> hubs;
    uint32_t polled_members = 0;  // of a hub: CQs that are polled; under the hub's progress_lock
};

template <Cq::Place Cq::*Place>
using CqList = boost::intrusive::list<Cq, boost::intrusive::member_hook<Cq, Cq::Place, Place>>;

// Appends a completion; fires the completion event if the queue is armed for it. With a sink, the
// caller's thread is polling the queue and holds the lock of the work queue that completes.
void push_completion(Cq &cq, const ibv_wc &wc, bool solicited, Sink *sink) noexcept;

// The same for a completion of tag matching; always by way of the queue.
void push_tagged(Cq &cq, const ibv_wc &wc, const TagInfo &info, bool solicited) noexcept;

// Runs the engine for the queue pairs that complete here.
void progress(Cq &cq, Sink &sink) noexcept;
// What a poll does, but for taking completions.
void drive(Cq &cq) noexcept;

// A receive queue of the hub's domain completes here from now on, or no longer.
void join_hub(Cq &cq, Cq &hub);
void leave_hub(Cq &cq, Cq &hub) noexcept;

// From now on, or no longer, the program's polling is the engine of this queue.
void begin_polling(Cq &cq) noexcept;
void end_polling(Cq &cq) noexcept;

// Takes the oldest completion with what is beside it, of a CQ that has that. 1, or 0: there is
// none.
int take_with_beside(Cq &cq, ibv_wc &wc, Beside &beside) noexcept;

// Throws away completions of a queue pair that is being reset or destroyed.
void forget_completions(Cq &cq, uint32_t qp_num) noexcept;

// The two entries of context->ops.
int poll_cq(ibv_cq *cq, int count, ibv_wc *wc) noexcept;
// Fires at once where something waits of which no event told: programs that poll, arm and sleep
// (UCX) would miss what came in between.
int req_notify_cq(ibv_cq *cq, int solicited_only) noexcept;

}  // namespace soft
