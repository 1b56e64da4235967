// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion channels, and taking events from them.
#include "api/boundary.hpp"
#include "api/event_fd.hpp"
#include "api/handle.hpp"

#include <rdma/ib_user_verbs.h>

using namespace verbs;

namespace {

// Counts the event and tells the program whose it is. False: the CQ is gone, and so is the event.
Result<bool> hand_out(device::Context &context, const ib_uverbs_comp_event_desc &event, ibv_cq **cq,
                      void **cq_context) {
    auto *object = reinterpret_cast<ibv_cq *>(static_cast<std::uintptr_t>(event.cq_handle));
    if (!context.events().take(object, device::EventBook::Kind::completion)) return false;
    // From here on the CQ cannot go until the program has acknowledged.
    context.ops().cq_event(object);
    *cq = object;
    if (cq_context != nullptr) *cq_context = object->cq_context;
    return true;
}

}  // namespace

ibv_comp_channel *ibv_create_comp_channel(ibv_context *context) {
    return api::pointer([&]() -> Result<ibv_comp_channel *> {
        VERBS_TRY(self, device::Context::of(context));
        ibv_comp_channel *channel = nullptr;
        VERBS_CHECK(self->call("create_comp_channel", self->ops().create_comp_channel, &channel));
        VERBS_CHECK(api::delivered(channel, "channel"));
        channel->context = context;
        channel->refcnt = 0;
        return channel;
    });
}

int ibv_destroy_comp_channel(ibv_comp_channel *channel) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(channel, "channel"));
        ::pthread_mutex_lock(&channel->context->mutex);
        const int users = channel->refcnt;
        ::pthread_mutex_unlock(&channel->context->mutex);
        if (users > 0)
            return fail(EBUSY, std::to_string(users) + " CQs still report to the channel");
        return self->call("destroy_comp_channel", self->ops().destroy_comp_channel, channel);
    });
}

int ibv_get_cq_event(ibv_comp_channel *channel, ibv_cq **cq, void **cq_context) {
    device::Context *self = nullptr;
    const int refused = api::minus_one([&]() -> Result<void> {
        VERBS_TRY(owner, api::owner_of(channel, "channel"));
        VERBS_CHECK(api::required(cq, "cq"));
        self = owner;
        return {};
    });
    if (refused != 0) return refused;
    for (;;) {
        ib_uverbs_comp_event_desc event{};
        const int code = api::read_record(channel->fd, event);
        bool is_delivered = false;
        const int failed = api::minus_one([&]() -> Result<void> {
            if (code != 0) return fail(code, "channel: no event could be read");
            VERBS_TRY(delivered, hand_out(*self, event, cq, cq_context));
            is_delivered = delivered;
            return {};
        });
        if (failed != 0 || is_delivered) return failed;
    }
}
