// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of completions: what a queue pair adds to, whoever drives it, and what a program reads
// instead of polling.
#pragma once

#include "core/spin_lock.hpp"

#include <infiniband/verbs.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace soft {

using verbs::SpinLock;

struct Cq;
struct Qp;

struct Counter {
    bool counts_bytes = false;
    // Added to with release and read with acquire: who sees a completion counted sees its data.
    std::atomic<uint64_t> successes{0};
    std::atomic<uint64_t> errors{0};

    // The CQs of what it is attached to, which are driven when it is read.
    struct Driven {
        Cq *cq;
        uint32_t attachments;
    };
    SpinLock lock;  // in the order of locks between the process's mutex and CQs' progress locks
    std::vector<Driven> driven;
    [[nodiscard]] bool is_attached() noexcept;
};

// Kinds of operations that a queue pair can have a counter for.
enum class Counted : uint8_t { send, receive, rdma_read, rdma_write };
inline constexpr std::size_t kCountedKinds = 4;

// The counters of a queue pair, each attached to the CQ that its operations complete to. Goes
// before the queue pair lets go of its CQs.
class QpCounters {
public:
    QpCounters() = default;
    QpCounters(const QpCounters &) = delete;
    QpCounters &operator=(const QpCounters &) = delete;
    ~QpCounters();

    [[nodiscard]] bool has(Counted kind) const noexcept { return of(kind).counter != nullptr; }
    // Under the counter's lock and those of the queue pair's queues. The counter has room in its
    // list.
    void attach(Counted kind, Counter &counter, Cq &cq) noexcept;
    void count(Counted kind, uint32_t bytes, ibv_wc_status status) noexcept;
    // In a child: its parent's reader, who may have held the locks, does not exist there.
    void die() noexcept;

private:
    struct Attachment {
        Counter *counter = nullptr;
        Cq *cq = nullptr;
    };
    [[nodiscard]] const Attachment &of(Counted kind) const noexcept {
        return attachments_[static_cast<std::size_t>(kind)];
    }

    std::array<Attachment, kCountedKinds> attachments_;
};

// A request of the send queue is done, of a queue pair that has counters. Under its lock.
void count_send(Qp &qp, uint8_t opcode, uint32_t bytes, ibv_wc_status status) noexcept;

// Drives what the counter is attached to, as a poll would.
void drive(Counter &counter) noexcept;

}  // namespace soft
