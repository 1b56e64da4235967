// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion channels and completion queues: creating and destroying.
#include "control/device.hpp"
#include "control/limits.hpp"

#include <rdma/ib_user_verbs.h>

#include <bit>
#include <string>

namespace soft {

using verbs::fail;
using verbs::provider::Host;

namespace {

struct Ring {
    ibv_wc *entries;
    Beside *beside;
    uint32_t capacity;
    QueueMemory memory;
};

Result<Ring> make_ring(const Pd *domain, int cqe, bool has_beside) {
    if (cqe < 1 || cqe > kMaxCqe)
        return fail(EINVAL, std::to_string(cqe) + " entries asked for, allowed are 1 to " +
                                std::to_string(kMaxCqe));
    Ring ring{};
    ring.capacity = std::bit_ceil(static_cast<uint32_t>(cqe));
    const std::size_t bytes = ring.capacity * (sizeof(ibv_wc) + (has_beside ? sizeof(Beside) : 0));
    VERBS_TRY(memory, QueueMemory::take(domain != nullptr ? &domain->allocator : nullptr,
                                        QueueKind::completion, bytes));
    ring.memory = std::move(memory);
    ring.entries = reinterpret_cast<ibv_wc *>(ring.memory.data());
    if (has_beside) ring.beside = reinterpret_cast<Beside *>(ring.entries + ring.capacity);
    return ring;
}

}  // namespace

Result<ibv_comp_channel *> Device::create_comp_channel() {
    VERBS_CHECK(judge_faults(Call::create_comp_channel));
    VERBS_TRY(pipe, EventPipe::create());
    Owned<CompChannel>::New channel;
    channel->pipe = std::move(pipe);
    channel->fd = channel->pipe.read_fd();
    return channels_.keep(std::move(channel));
}

Result<void> Device::destroy_comp_channel(ibv_comp_channel *channel) {
    channels_.remove(static_cast<CompChannel *>(channel));
    return {};
}

Result<ibv_cq *> Device::create_cq(int cqe, ibv_comp_channel *channel, int comp_vector) {
    return make_cq(nullptr, cqe, channel, comp_vector, false);
}

Result<Cq *> Device::make_cq(Pd *domain, int cqe, ibv_comp_channel *channel, int comp_vector,
                             bool has_beside) {
    VERBS_CHECK(judge_faults(Call::create_cq));
    if (comp_vector < 0 || comp_vector >= kCompVectors)
        return fail(EINVAL, "completion vector " + std::to_string(comp_vector) +
                                " does not exist, there is 1");
    Owned<Cq>::New cq(*process_);
    VERBS_TRY(ring, make_ring(domain, cqe, has_beside));
    cq->ring = ring.entries;
    cq->beside = ring.beside;
    cq->memory = std::move(ring.memory);
    cq->capacity = ring.capacity;
    cq->cqe = cqe;
    cq->handle = handles_.fetch_add(1);
    cq->events = static_cast<CompChannel *>(channel);
    cq->async_events = &async_events_;
    cq->domain = domain;
    if (domain != nullptr) domain->users.fetch_add(1);
    return cqs_.keep(std::move(cq));
}

// Pollers and pushers meet the old ring or the new one, never something between: both work under
// the CQ's lock. Completions that wait move along in order.
Result<void> Device::resize_cq(ibv_cq *ibcq, int cqe) {
    VERBS_CHECK(judge_faults(Call::resize_cq));
    auto *cq = static_cast<Cq *>(ibcq);
    VERBS_TRY(ring, make_ring(cq->domain, cqe, cq->beside != nullptr));
    uint32_t waiting = 0;
    bool fits = false;
    {
        const std::lock_guard hold(cq->lock);
        waiting = cq->tail - cq->head;
        fits = waiting <= static_cast<uint32_t>(cqe);
        if (fits) {
            // At the places that they have by their numbers, which stay: who compares head and
            // tail without the lock must not find an empty queue in between.
            for (uint32_t at = cq->head; at != cq->tail; ++at) {
                const uint32_t from = at & (cq->capacity - 1);
                const uint32_t to = at & (ring.capacity - 1);
                ring.entries[to] = cq->ring[from];
                if (ring.beside != nullptr) ring.beside[to] = cq->beside[from];
            }
            cq->beside = ring.beside;
            cq->ring = ring.entries;
            std::swap(cq->memory, ring.memory);  // the old goes after the lock
            cq->capacity = ring.capacity;
            cq->cqe = cqe;
        }
    }
    if (!fits)
        return fail(EINVAL, std::to_string(waiting) + " completions wait, more than the " +
                                std::to_string(cqe) + " entries asked for");
    return {};
}

void Device::withdraw(Cq &cq) noexcept {
    process_->forget(cq);
    if (process_->is_inherited()) return;  // the events are the parent's
    const auto element = reinterpret_cast<uintptr_t>(static_cast<ibv_cq *>(&cq));
    if (cq.events != nullptr) cq.events->pipe.purge(element, sizeof(ib_uverbs_comp_event_desc));
    async_events_.purge(element, sizeof(ib_uverbs_async_event_desc));
}

Result<void> Device::destroy_cq(ibv_cq *ibcq) {
    auto *cq = static_cast<Cq *>(ibcq);
    {
        const std::lock_guard hold(process_->mutex());
        if (cq->users != 0)
            return fail(EBUSY, std::to_string(cq->users) + " queue pairs still complete here");
    }
    withdraw(*cq);
    Host::table().retire_cq(cq);
    Pd *domain = cq->domain;
    cqs_.remove(cq);
    if (domain != nullptr) domain->users.fetch_sub(1);
    return {};
}

}  // namespace soft
