// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Flushes: messages that the responder's process answers when what was written before is where it
// was asked to be (IBTA volume 1, annex A19). What the requester itself copies is complete before a
// later request of its queue leaves, and what goes through the ring is carried out in its order: so
// the responder has nothing to wait for.
#include "control/persistent.hpp"
#include "core/cancellation.hpp"
#include "datapath/fence.hpp"
#include "datapath/responder.hpp"
#include "datapath/transmit.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <infiniband/verbs_exp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <exception>

namespace soft {

namespace {

// What a flush needs of the memory and of the queue pair; 0 for what is no type.
uint32_t access_for(uint8_t type) noexcept {
    if ((type & ~unsigned{IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT}) != 0) return 0;
    return ((type & IBV_FLUSH_GLOBAL) != 0 ? IBV_ACCESS_FLUSH_GLOBAL : 0) |
           ((type & IBV_FLUSH_PERSISTENT) != 0 ? IBV_ACCESS_FLUSH_PERSISTENT : 0);
}

struct Range {
    uint64_t address;
    uint64_t length;
};

// False: key, range or right is wrong. Windows have no such right.
bool find_range(const MrTable &table, const FlushRequest &request, uint32_t needed, uint32_t pd,
                Range &range) noexcept {
    if (request.level == IBV_FLUSH_RANGE) {
        range.length = request.length;
        return translate(table.home(), request.rkey, request.address, request.length, needed, pd,
                         range.address);
    }
    Extent extent{};
    if (!table.find(request.rkey, extent) || extent.pd != pd || (extent.access & needed) != needed)
        return false;
    range = {extent.address, extent.length};
    return true;
}

// Whether the memory is still what it was when the region was registered: a program may have
// unmapped it since, and have something else there, for which msync() does nothing and says that
// all is well.
// That it could not be looked at is no fault of the peer's.
Refusal judge_again(const Range &range) noexcept {
    try {
        const auto judged =
            judge_persistent(reinterpret_cast<const void *>(range.address), range.length);
        if (judged) return Refusal::none;
        const int code = judged.error().code;
        return code == EINVAL || code == EFAULT ? Refusal::access : Refusal::operation;
    } catch (const std::exception &) {
        return Refusal::operation;
    }
}

// Waits until the storage behind a file's mapping has what is in it.
Refusal write_back(const Range &range) noexcept {
    static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    if (range.length == 0) return Refusal::none;
    // Storage may take long, and a poll is no place to be cancelled in, in the middle of a message.
    const verbs::CancellationOff no_cancellation;
    const uint64_t before = range.address % page;
    auto *const start = reinterpret_cast<void *>(range.address - before);
    const int saved = errno;
    int code = 0;
    do
        code = ::msync(start, range.length + before, MS_SYNC) == 0 ? 0 : errno;
    while (code == EINTR);
    errno = saved;
    if (code == 0) return judge_again(range);
    return code == ENOMEM ? Refusal::access : Refusal::operation;  // ENOMEM: not mapped any more
}

Refusal flush(const Qp &qp, const FlushRequest &request) noexcept {
    const uint32_t needed = access_for(request.type);
    if (needed == 0 || request.level > IBV_FLUSH_MR || !qp.is_reliable ||
        (qp.remote_access.load(std::memory_order_relaxed) & needed) != needed)
        return Refusal::invalid_request;
    Range range{};
    if (!find_range(qp.owner->mrs(), request, needed, pd_of_keys(qp), range))
        return Refusal::access;
    if ((request.type & IBV_FLUSH_PERSISTENT) != 0) return write_back(range);
    publish_before_look();  // all processors see the same memory: the order is what is left to do
    return Refusal::none;
}

}  // namespace

Transmission do_flush(Qp &qp, SendWqe &wqe) noexcept {
    TxEnd &channel = *qp.sq.channel;
    if (!channel.link().is_up() || !channel.is_attached()) return kWait;
    Message *message = channel.reserve(sizeof(FlushRequest));
    if (message == nullptr) return kWait;
    const FlushRequest request{wqe.remote_address, wqe.rkey,        wqe.length,
                               wqe.flush.type,     wqe.flush.level, {}};
    std::memcpy(static_cast<void *>(message + 1), &request, sizeof request);
    message->kind = static_cast<uint8_t>(MessageKind::flush);
    message->flags = 0;
    message->payload = sizeof request;
    message->length = 0;
    message->qkey_or_ack = wqe.qkey_or_srqn;
    message->argument = 0;
    wqe.end = channel.publish(message);
    return kSent;
}

Outcome serve_flush(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    FlushRequest request;
    if (arrival.payload != sizeof request) return refuse(qp, end, Refusal::invalid_request);
    std::memcpy(&request, arrival.data, sizeof request);
    end.begin_serving(request.rkey);
    const Refusal refusal = flush(qp, request);
    end.end_serving();
    if (refusal == Refusal::access) return deny(qp, end);
    return refusal == Refusal::none ? Outcome::taken : reject(qp, end, refusal);
}

}  // namespace soft
