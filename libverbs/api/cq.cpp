// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues.
#include "api/adopt.hpp"
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

namespace {

void count_users(ibv_comp_channel *channel, int change) {
    if (channel == nullptr) return;
    ::pthread_mutex_lock(&channel->context->mutex);
    channel->refcnt += change;
    ::pthread_mutex_unlock(&channel->context->mutex);
}

}  // namespace

void verbs::api::adopt(device::Context &context, ibv_cq &cq, ibv_comp_channel *channel,
                       void *cq_context) {
    cq.context = &context.handle();
    cq.channel = channel;
    cq.cq_context = cq_context;
    cq.comp_events_completed = 0;
    cq.async_events_completed = 0;
    cq.mutex = PTHREAD_MUTEX_INITIALIZER;
    cq.cond = PTHREAD_COND_INITIALIZER;
    context.events().open(&cq);
    count_users(channel, 1);
}

ibv_cq *ibv_create_cq(ibv_context *context, int cqe, void *cq_context, ibv_comp_channel *channel,
                      int comp_vector) {
    return api::pointer([&]() -> Result<ibv_cq *> {
        VERBS_TRY(self, device::Context::of(context));
        if (cqe < 1) return fail(EINVAL, "a CQ needs room for 1 entry at least");
        if (comp_vector < 0 || comp_vector >= context->num_comp_vectors)
            return fail(EINVAL, "no such completion vector");
        VERBS_CHECK(api::same_device(*self, channel, "channel"));
        ibv_cq *cq = nullptr;
        VERBS_CHECK(self->call("create_cq", self->ops().create_cq, cqe, channel, comp_vector, &cq));
        VERBS_CHECK(api::delivered(cq, "cq"));
        api::adopt(*self, *cq, channel, cq_context);
        return cq;
    });
}

int ibv_resize_cq(ibv_cq *cq, int cqe) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(cq, "cq"));
        if (cqe < 1) return fail(EINVAL, "a CQ needs room for 1 entry at least");
        return self->call("resize_cq", self->ops().resize_cq, cq, cqe);
    });
}

int ibv_destroy_cq(ibv_cq *cq) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(cq, "cq"));
        ibv_comp_channel *const channel = cq->channel;
        const auto before = self->events().before_destroying();
        VERBS_CHECK(self->call("destroy_cq", self->ops().destroy_cq, cq));
        self->events().forget(cq, before);
        count_users(channel, -1);
        return {};
    });
}

void ibv_ack_cq_events(ibv_cq *cq, unsigned int nevents) {
    api::nothing([&]() -> Result<void> {
        VERBS_CHECK(api::owner_of(cq, "cq"));
        // Wakes retire() in device/host.cpp. Broadcast before the unlock: after it the CQ may be
        // gone.
        ::pthread_mutex_lock(&cq->mutex);
        cq->comp_events_completed += nevents;
        ::pthread_cond_broadcast(&cq->cond);
        ::pthread_mutex_unlock(&cq->mutex);
        return {};
    });
}
