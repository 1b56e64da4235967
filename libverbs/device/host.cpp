// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Called by plugins, from any of their threads: nothing here throws or keeps a lock of ours over
// a wait.
#include "device/host.hpp"

#include "core/environment.hpp"
#include "core/log.hpp"
#include "core/reason.hpp"
#include "device/context.hpp"
#include "device/kernel.hpp"

#include <pthread.h>

namespace verbs::device {
namespace {

int log_wants(int level) noexcept {
    return level > 0 && level <= static_cast<int>(log::Level::debug) &&
           log::wants(static_cast<log::Level>(level));
}

void log_line(int level, const char *provider, const char *text) noexcept {
    if (log_wants(level) != 0)
        log::line(static_cast<log::Level>(level), provider != nullptr ? provider : "provider",
                  text != nullptr ? text : "");
}

void set_reason(const char *text) noexcept {
    reason::offer(text != nullptr ? text : "");
}

const char *environment_of(const char *name) noexcept {
    return environment::get(name);
}

int count_kernel_devices() noexcept {
    return Kernel::of_process().count();
}

// Signalled by acknowledge() in api/async_event.cpp and api/cq.cpp, under the same mutex.
template <class Object, class Predicate>
void wait_until(Object &object, const EventBook::Taken &taken,
                Predicate &&is_acknowledged) noexcept {
    ::pthread_mutex_lock(&object.mutex);
    while (!is_acknowledged(taken))
        ::pthread_cond_wait(&object.cond, &object.mutex);
    ::pthread_mutex_unlock(&object.mutex);
}

// Closes the object's account, waits until `is_acknowledged(taken)`, and ends mutex and cond, which
// nobody has touched when no event was taken.
template <class Object, class Predicate>
void retire(Object *object, Predicate &&is_acknowledged) noexcept {
    if (object == nullptr || object->context == nullptr) return;  // its creation failed half-way
    Context *const context = Context::find(object->context);
    if (context == nullptr) return;
    const auto taken = context->events().close(object);
    if (!taken || (taken->completion == 0 && taken->async == 0)) return;
    wait_until(*object, *taken, is_acknowledged);
    ::pthread_cond_destroy(&object->cond);
    ::pthread_mutex_destroy(&object->mutex);
}

void retire_qp(ibv_qp *qp) noexcept {
    retire(qp, [qp](const EventBook::Taken &taken) { return qp->events_completed == taken.async; });
}

void retire_cq(ibv_cq *cq) noexcept {
    retire(cq, [cq](const EventBook::Taken &taken) {
        return cq->comp_events_completed == taken.completion &&
               cq->async_events_completed == taken.async;
    });
}

void retire_srq(ibv_srq *srq) noexcept {
    retire(srq,
           [srq](const EventBook::Taken &taken) { return srq->events_completed == taken.async; });
}

constexpr verbs_host kHost = {
    .size = sizeof(verbs_host),
    .contract = VERBS_PROVIDER_CONTRACT,
    .log_wants = &log_wants,
    .log = &log_line,
    .set_reason = &set_reason,
    .environment = &environment_of,
    .kernel_device_count = &count_kernel_devices,
    .retire_qp = &retire_qp,
    .retire_cq = &retire_cq,
    .retire_srq = &retire_srq,
};

}  // namespace

const verbs_host &host_table() noexcept {
    return kHost;
}

}  // namespace verbs::device
