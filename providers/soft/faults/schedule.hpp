// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// FaultSchedule: what is to happen to an open device as a whole, at a time or with a post. The
// progress thread makes it happen, asleep until then.
#pragma once

#include "core/fd.hpp"
#include "faults/plan.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

namespace soft {

class Process;

class FaultSchedule {
public:
    // Called by the progress thread under the process's mutex.
    struct Target {
        std::function<void(bool is_down)> force_port;
        std::function<void()> remove_device;
    };

    // The clock of after_ms begins here. `plan` stays as long as the schedule does.
    static verbs::Result<std::unique_ptr<FaultSchedule>>
    start(Process &process, const FaultPlan &plan, Target target);
    ~FaultSchedule();
    FaultSchedule(const FaultSchedule &) = delete;
    FaultSchedule &operator=(const FaultSchedule &) = delete;

    // So many send requests were posted. Any thread, without a lock.
    void note_posts(uint64_t count) noexcept;

private:
    struct Alarm {
        const FaultRule *rule;
        verbs::UniqueFd clock;
        bool is_attended = false;
        bool is_down = false;  // the port, for this rule; the progress thread's
    };

    FaultSchedule(Process &process, Target target)
        : process_(&process), target_(std::move(target)) {}
    static void set(const Alarm &alarm, int64_t in_ns) noexcept;
    void ring(Alarm &alarm) noexcept;

    Process *process_;
    Target target_;
    std::atomic<uint64_t> posts_{0};
    std::deque<Alarm> alarms_;  // they keep their places
};

}  // namespace soft
