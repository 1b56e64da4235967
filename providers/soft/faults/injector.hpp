// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Injector: the faults of one open device, and what of them has happened so far. A device without
// faults has none, and its queue pairs say so with a flag: that flag is all that the data path
// looks at.
#pragma once

#include "faults/plan.hpp"

#include <atomic>
#include <memory>
#include <vector>

namespace soft {

class FaultSchedule;
struct Arrival;
struct Qp;
class RxEnd;

class Injector {
public:
    // Of the settings' text; nullptr when it asks for nothing. What is wrong is logged.
    static verbs::Result<std::shared_ptr<Injector>> create(const std::string &text);
    explicit Injector(FaultPlan plan);

    [[nodiscard]] const FaultPlan &plan() const noexcept { return plan_; }
    // The error of a call that is to fail. Any thread.
    verbs::Result<void> judge(Call call);
    // A queue pair's number among those of the device, from 1.
    [[nodiscard]] uint64_t next_qp() noexcept { return qps_.fetch_add(1) + 1; }

    FaultSchedule *schedule = nullptr;  // from before the first queue pair until the device closes

private:
    struct Calls {
        std::atomic<uint64_t> seen{0};
        std::atomic<uint64_t> failed{0};
    };
    FaultPlan plan_;
    std::vector<Calls> calls_;  // by rule
    std::atomic<uint64_t> qps_{0};
};

// A queue pair's own count. Each rule is about one direction, so its count has that queue's lock.
struct QpFaults {
    explicit QpFaults(std::shared_ptr<Injector> owner);

    struct Count {
        uint64_t seen = 0;
        uint64_t done = 0;
    };
    std::shared_ptr<Injector> injector;
    uint64_t number;
    std::vector<Count> counts;  // by rule
    // The peer counts as dead, until the queue pair is reset.
    std::atomic<bool> lost_peer{false};
    uint32_t judged_sends = 0;  // requests before this one; under the send queue's lock
};

// The hooks. All only for a queue pair with faults.

// A request is about to be sent, maybe not for the first time. True: the peer is dead.
[[nodiscard]] bool meets_dead_peer(Qp &qp) noexcept;

enum class Meeting { nothing, wait, dead_peer };
// A message is about to be taken, maybe not for the first time. `wait`: it stays in its ring, and
// the queue pair's timer comes when it is time.
[[nodiscard]] Meeting meet(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept;

// So many requests were posted.
void note_posts(Qp &qp, uint64_t count) noexcept;
// The conversation is over, another one may begin.
void forget_conversation(Qp &qp) noexcept;

}  // namespace soft
