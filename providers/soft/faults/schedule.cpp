// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One timer descriptor for each rule, in the progress thread's epoll. A post that is counted to
// sets it to now, so that the thread acts and not the program's call.
#include "faults/schedule.hpp"

#include "link/process.hpp"

#include <verbs/provider.hpp>

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

Result<std::unique_ptr<FaultSchedule>> FaultSchedule::start(Process &process, const FaultPlan &plan,
                                                            Target target) {
    std::unique_ptr<FaultSchedule> made(new FaultSchedule(process, std::move(target)));
    for (const FaultRule &rule : plan.rules) {
        if (!rule.is_timed()) continue;
        const Alarm &alarm = made->alarms_.emplace_back(Alarm{
            &rule, verbs::UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))});
        if (!alarm.clock.is_open()) return fail(errno, "no timer for the fault " + rule.text);
    }
    // One that rings looks at all of them.
    for (Alarm &alarm : made->alarms_) {
        VERBS_CHECK(
            process.attend(alarm.clock.get(), [self = made.get(), &alarm] { self->ring(alarm); }));
        alarm.is_attended = true;
        if (alarm.rule->after_ns >= 0) set(alarm, alarm.rule->after_ns);
    }
    return made;
}

FaultSchedule::~FaultSchedule() {
    for (const Alarm &alarm : alarms_)
        if (alarm.is_attended) process_->unattend(alarm.clock.get());
}

void FaultSchedule::set(const Alarm &alarm, int64_t in_ns) noexcept {
    itimerspec when{};
    const int64_t wait_ns = std::max<int64_t>(in_ns, 1);  // 0 would stop the timer
    when.it_value.tv_sec = wait_ns / 1'000'000'000;
    when.it_value.tv_nsec = wait_ns % 1'000'000'000;
    const int saved = errno;
    ::timerfd_settime(alarm.clock.get(), 0, &when, nullptr);
    errno = saved;
}

void FaultSchedule::note_posts(uint64_t count) noexcept {
    const uint64_t before = posts_.fetch_add(count, std::memory_order_relaxed);
    for (const Alarm &alarm : alarms_)
        if (before < alarm.rule->posts && before + count >= alarm.rule->posts) set(alarm, 0);
}

void FaultSchedule::ring(Alarm &alarm) noexcept {
    uint64_t ignored = 0;
    if (::read(alarm.clock.get(), &ignored, sizeof ignored) != sizeof ignored) return;
    const FaultRule &rule = *alarm.rule;
    if (rule.kind == FaultKind::device_removal) {
        Host::log(VERBS_HOST_LOG_INFO, "fault \"%s\": the device goes", rule.text.c_str());
        target_.remove_device();
        return;
    }
    alarm.is_down = !alarm.is_down;
    Host::log(VERBS_HOST_LOG_INFO, "fault \"%s\": the port goes %s", rule.text.c_str(),
              alarm.is_down ? "down" : "up");
    const bool any_down =
        std::ranges::any_of(alarms_, [](const Alarm &one) { return one.is_down; });
    target_.force_port(any_down);
    if (alarm.is_down && rule.for_ns >= 0) set(alarm, rule.for_ns);
}

}  // namespace soft
