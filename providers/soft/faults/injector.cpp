// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counting, and making faults of messages and calls. What a fault does then is the engine's own
// reaction to a true one.
#include "faults/injector.hpp"

#include "datapath/qp.hpp"
#include "faults/schedule.hpp"

#include <verbs/provider.hpp>

#include <algorithm>
#include <limits>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::provider::Host;

namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

void log_fault(const Qp &qp, const FaultRule &rule, const char *what, uint64_t index) noexcept {
    Host::log(VERBS_HOST_LOG_INFO, "fault \"%s\": QP 0x%x, %s %llu", rule.text.c_str(), qp.qp_num,
              what, static_cast<unsigned long long>(index));
}

// Counts for one rule; true when it picks this one.
bool count_for(Qp &qp, std::size_t rule, const char *what) noexcept {
    QpFaults &faults = *qp.faults;
    const FaultPlan &plan = faults.injector->plan();
    if (plan.rules[rule].qp != 0 && plan.rules[rule].qp != faults.number) return false;
    QpFaults::Count &count = faults.counts[rule];
    ++count.seen;
    if (!picks(plan, rule, faults.number, count.seen, count.done)) return false;
    ++count.done;
    log_fault(qp, plan.rules[rule], what, count.seen);
    return true;
}

// Whether it is the first that is seen of a verbs message. Requests whose data goes through the
// ring in parts have the offset where atomics have the place of their result.
bool begins_message(const Arrival &arrival) noexcept {
    switch (arrival.kind) {
    case MessageKind::send:
    case MessageKind::write_imm:
    case MessageKind::write:
    case MessageKind::read:
        return arrival.argument == 0;
    case MessageKind::atomic:
    case MessageKind::flush:
        return true;
    default:
        return false;
    }
}

bool takes_receive(const Arrival &arrival) noexcept {
    return arrival.kind == MessageKind::send || arrival.kind == MessageKind::write_imm;
}

bool concerns(const Qp &qp, const FaultRule &rule, const Arrival &arrival) noexcept {
    switch (rule.kind) {
    case FaultKind::drop_peer:
        return rule.is_on_receive && !qp.is_datagram;
    case FaultKind::delay:
        return true;
    case FaultKind::rnr:
        return qp.is_reliable && takes_receive(arrival);
    default:
        return false;
    }
}

void hold(Qp &qp, RxEnd &end, int64_t until_ns) noexcept {
    end.held.until_ns = until_ns;
    if (until_ns != kNever) ensure_timer(qp, qp.rq.timer_at_ns, until_ns);
}

// The attempts that fail are a requester's first one and retries of it, a timer apart each. When
// his retries are over before, the clock that refuses him runs as for any receiver that is not
// ready.
void hold_for_attempts(Qp &qp, RxEnd &end, uint32_t attempts) noexcept {
    ReceiveQueue &rq = qp.rq;
    const uint32_t retries = end.segment().rnr_retry();
    const int64_t now_ns = monotonic_ns();
    const bool is_for_ever = retries >= 7;  // IBTA 9.7.5.2.8
    if (!is_for_ever) {
        rq.refuse_at_ns = now_ns + rq.rnr_timer_ns * retries;
        ensure_timer(qp, rq.timer_at_ns, rq.refuse_at_ns);
    }
    const bool is_too_long = !is_for_ever && attempts > retries;
    hold(qp, end, is_too_long ? kNever : now_ns + rq.rnr_timer_ns * attempts);
}

}  // namespace

Result<std::shared_ptr<Injector>> Injector::create(const std::string &text) {
    auto plan = parse_faults(text);
    if (!plan) {
        Host::log(VERBS_HOST_LOG_ERROR, "%s", plan.error().phrase.c_str());
        return verbs::Failure(std::move(plan.error()));
    }
    if (plan->rules.empty()) return nullptr;
    return std::make_shared<Injector>(std::move(*plan));
}

Injector::Injector(FaultPlan plan) : plan_(std::move(plan)), calls_(plan_.rules.size()) {}

Result<void> Injector::judge(Call call) {
    for (std::size_t i = 0; i < plan_.rules.size(); ++i) {
        const FaultRule &rule = plan_.rules[i];
        if (rule.kind != FaultKind::fail_call || rule.call != call) continue;
        const uint64_t index = calls_[i].seen.fetch_add(1) + 1;
        if (!picks(plan_, i, 0, index, calls_[i].failed.load())) continue;
        // With a limit, two threads may both have found room for one more.
        const uint64_t failed = calls_[i].failed.fetch_add(1);
        if (rule.count != 0 && failed >= rule.count) continue;
        Host::log(VERBS_HOST_LOG_INFO, "fault \"%s\": call %llu", rule.text.c_str(),
                  static_cast<unsigned long long>(index));
        return fail(rule.code, "a fault that was asked for: " + rule.text);
    }
    return {};
}

QpFaults::QpFaults(std::shared_ptr<Injector> owner)
    : injector(std::move(owner)), number(injector->next_qp()),
      counts(injector->plan().rules.size()) {}

bool meets_dead_peer(Qp &qp) noexcept {
    QpFaults &faults = *qp.faults;
    const uint32_t request = qp.sq.sent;
    const auto &rules = faults.injector->plan().rules;
    // A request that had to wait is looked at again.
    if (static_cast<int32_t>(request - faults.judged_sends) >= 0) {
        faults.judged_sends = request + 1;
        for (std::size_t i = 0; i < rules.size(); ++i)
            if (rules[i].kind == FaultKind::drop_peer && !rules[i].is_on_receive &&
                count_for(qp, i, "send request"))
                faults.lost_peer.store(true, std::memory_order_relaxed);
    }
    return faults.lost_peer.load(std::memory_order_relaxed);
}

Meeting meet(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    QpFaults &faults = *qp.faults;
    if (faults.lost_peer.load(std::memory_order_relaxed)) return Meeting::dead_peer;
    const auto &rules = faults.injector->plan().rules;
    if (begins_message(arrival) && end.held.judged_to <= end.position()) {
        end.held = {end.position() + 1, 0};
        bool is_met = false;
        // Every rule counts every message; one message meets one fault.
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!concerns(qp, rules[i], arrival) || !count_for(qp, i, "message") || is_met)
                continue;
            is_met = true;
            if (rules[i].kind == FaultKind::delay)
                hold(qp, end, monotonic_ns() + rules[i].delay_ns);
            else if (rules[i].kind == FaultKind::rnr)
                hold_for_attempts(qp, end, rules[i].attempts);
            else
                faults.lost_peer.store(true, std::memory_order_relaxed);
        }
    }
    if (faults.lost_peer.load(std::memory_order_relaxed)) return Meeting::dead_peer;
    // Whoever has left cannot be waited for: what he left behind is taken now or never.
    if (end.held.until_ns == 0 || qp.rq.sender_left) return Meeting::nothing;
    if (monotonic_ns() >= end.held.until_ns) {
        end.held.until_ns = 0;
        return Meeting::nothing;
    }
    if (end.held.until_ns != kNever) ensure_timer(qp, qp.rq.timer_at_ns, end.held.until_ns);
    return Meeting::wait;
}

void note_posts(Qp &qp, uint64_t count) noexcept {
    if (FaultSchedule *schedule = qp.faults->injector->schedule; schedule != nullptr)
        schedule->note_posts(count);
}

void forget_conversation(Qp &qp) noexcept {
    qp.faults->lost_peer.store(false, std::memory_order_relaxed);
    qp.faults->judged_sends = 0;
}

}  // namespace soft
