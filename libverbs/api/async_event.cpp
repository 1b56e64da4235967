// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Asynchronous events: taking and acknowledging them.
#include "api/boundary.hpp"
#include "api/describe.hpp"
#include "api/event_fd.hpp"
#include "api/handle.hpp"
#include "core/number_of.hpp"

#include <rdma/ib_user_verbs.h>

#include <cstring>

using namespace verbs;

namespace {

constexpr std::array<const char *, IBV_EVENT_DEVICE_SPEED_CHANGE + 1> kTypes = {
    "CQ error",
    "local work queue catastrophic error",
    "invalid request local work queue error",
    "local access violation work queue error",
    "communication established",
    "send queue drained",
    "path migrated",
    "path migration request error",
    "local catastrophic error",
    "port active",
    "port error",
    "LID change",
    "P_Key change",
    "SM change",
    "SRQ catastrophic error",
    "SRQ limit reached",
    "last WQE reached",
    "client reregistration",
    "GID table change",
    "WQ fatal",
    "Device link speed change",
};

enum class About { cq, qp, srq, port };

// What the element of an event is. A type from the future is told by its number, like a port.
About subject_of(unsigned type) {
    switch (type) {
    case IBV_EVENT_CQ_ERR:
        return About::cq;
    case IBV_EVENT_QP_FATAL:
    case IBV_EVENT_QP_REQ_ERR:
    case IBV_EVENT_QP_ACCESS_ERR:
    case IBV_EVENT_COMM_EST:
    case IBV_EVENT_SQ_DRAINED:
    case IBV_EVENT_PATH_MIG:
    case IBV_EVENT_PATH_MIG_ERR:
    case IBV_EVENT_QP_LAST_WQE_REACHED:
        return About::qp;
    case IBV_EVENT_SRQ_ERR:
    case IBV_EVENT_SRQ_LIMIT_REACHED:
        return About::srq;
    default:
        return About::port;
    }
}

// Counts the event and fills it in. False: its object is gone, and so is the event.
Result<bool> hand_out(device::Context &context, const ib_uverbs_async_event_desc &record,
                      ibv_async_event *event) {
    const About about = subject_of(record.event_type);
    auto *object = reinterpret_cast<void *>(static_cast<std::uintptr_t>(record.element));
    if (about != About::port && !context.events().take(object, device::EventBook::Kind::async))
        return false;
    *event = {};
    // Not by a cast: the type may be one from the future.
    std::memcpy(&event->event_type, &record.event_type, sizeof event->event_type);
    switch (about) {
    case About::cq:
        event->element.cq = static_cast<ibv_cq *>(object);
        break;
    case About::qp:
        event->element.qp = static_cast<ibv_qp *>(object);
        break;
    case About::srq:
        event->element.srq = static_cast<ibv_srq *>(object);
        break;
    case About::port:
        event->element.port_num = static_cast<int>(record.element);
        break;
    }
    return true;
}

// Wakes retire() in device/host.cpp. Broadcast before the unlock: after it the object may be gone.
template <class Object>
void acknowledge(Object *object, std::uint32_t Object::*counter) {
    ::pthread_mutex_lock(&object->mutex);
    ++(object->*counter);
    ::pthread_cond_broadcast(&object->cond);
    ::pthread_mutex_unlock(&object->mutex);
}

}  // namespace

int ibv_get_async_event(ibv_context *context, ibv_async_event *event) {
    device::Context *self = nullptr;
    const int refused = api::minus_one([&]() -> Result<void> {
        VERBS_TRY(owner, device::Context::of(context));
        VERBS_CHECK(api::required(event, "event"));
        self = owner;
        return {};
    });
    if (refused != 0) return refused;
    for (;;) {
        ib_uverbs_async_event_desc record{};
        const int code = api::read_record(context->async_fd, record);
        bool is_delivered = false;
        const int failed = api::minus_one([&]() -> Result<void> {
            if (code != 0) return fail(code, "context: no event could be read");
            VERBS_TRY(delivered, hand_out(*self, record, event));
            is_delivered = delivered;
            return {};
        });
        if (failed != 0 || is_delivered) return failed;
    }
}

void ibv_ack_async_event(ibv_async_event *event) {
    api::nothing([&]() -> Result<void> {
        VERBS_CHECK(api::required(event, "event"));
        switch (subject_of(static_cast<unsigned>(number_of(event->event_type)))) {
        case About::cq:
            VERBS_CHECK(api::owner_of(event->element.cq, "cq"));
            acknowledge(event->element.cq, &ibv_cq::async_events_completed);
            break;
        case About::qp:
            VERBS_CHECK(api::owner_of(event->element.qp, "qp"));
            acknowledge(event->element.qp, &ibv_qp::events_completed);
            break;
        case About::srq:
            VERBS_CHECK(api::owner_of(event->element.srq, "srq"));
            acknowledge(event->element.srq, &ibv_srq::events_completed);
            break;
        case About::port:
            break;
        }
        return {};
    });
}

const char *ibv_event_type_str(enum ibv_event_type event) {
    return api::describe(kTypes, event);
}
