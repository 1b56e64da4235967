// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Messages to a receive queue that matches tags: reading their headers, finding their buffers, and
// completing them. What a program gets to see of it: rdma-core's tag_matching.md.
#include "datapath/pull.hpp"
#include "datapath/responder.hpp"
#include "datapath/tags.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <endian.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

namespace soft {

namespace {

// The headers of a message, as many as there are of them.
struct Headers {
    std::array<uint8_t, kRendezvousHeaders> bytes{};

    [[nodiscard]] TagOpcode opcode() const noexcept { return static_cast<TagOpcode>(bytes[0]); }
    [[nodiscard]] bool is_tagged() const noexcept {
        return opcode() == TagOpcode::eager || opcode() == TagOpcode::rendezvous;
    }
    [[nodiscard]] TagInfo info() const noexcept { return {be64(8), be32(4)}; }
    [[nodiscard]] uint64_t remote_address() const noexcept { return be64(16); }
    [[nodiscard]] uint32_t rkey() const noexcept { return be32(24); }
    [[nodiscard]] uint32_t length() const noexcept { return be32(28); }

private:
    [[nodiscard]] uint32_t be32(std::size_t at) const noexcept {
        uint32_t value;
        std::memcpy(&value, &bytes[at], sizeof value);
        return be32toh(value);
    }
    [[nodiscard]] uint64_t be64(std::size_t at) const noexcept {
        uint64_t value;
        std::memcpy(&value, &bytes[at], sizeof value);
        return be64toh(value);
    }
};

bool is_by_reference(const Arrival &arrival) noexcept {
    return (arrival.flags & kFlagByReference) != 0;
}

// Whether all of the message has come, and is in the ring.
bool is_whole(const Arrival &arrival) noexcept {
    return (arrival.flags & (kFlagByReference | kFlagMore)) == 0 && arrival.argument == 0;
}

Outcome read_headers(Qp &qp, RxEnd &end, const Arrival &arrival, Headers &headers) noexcept {
    const uint32_t wanted = std::min(arrival.length, kRendezvousHeaders);
    if (!is_by_reference(arrival)) {
        if (arrival.payload < wanted) return refuse(qp, end, Refusal::invalid_request);
        std::memcpy(headers.bytes.data(), arrival.data, wanted);
        return Outcome::taken;
    }
    const int code = pull_front(end, arrival, headers.bytes.data(), wanted);
    if (code == ESRCH || end.has_withdrawn()) return stop(qp);
    return code == 0 ? Outcome::taken : refuse(qp, end, Refusal::operation);
}

// Whether a message that begins so can be what it says.
bool is_sound(const Headers &headers, const Arrival &arrival) noexcept {
    switch (headers.opcode()) {
    case TagOpcode::no_tag:
    case TagOpcode::fin:
        return arrival.length > 0;
    case TagOpcode::eager:
        return arrival.length >= kTagHeader;
    case TagOpcode::rendezvous:
        return arrival.length >= kRendezvousHeaders && arrival.length <= kMaxRendezvous &&
               is_whole(arrival);
    }
    return false;
}

// Memory of ours that a message goes to, and how many of its first bytes do not.
struct Target {
    const ibv_sge *sges;
    uint32_t count;
    uint32_t skipped;
};

struct Placed {
    ibv_wc_status status = IBV_WC_SUCCESS;
    bool is_stopped = false;
};

// Puts what has come of a message where it belongs.
Placed place(Qp &qp, RxEnd &end, const Arrival &arrival, const Target &target) noexcept {
    const uint32_t length = arrival.length - target.skipped;
    if (length > capacity_of(target.sges, target.count)) return {IBV_WC_LOC_LEN_ERR};
    MemoryList memory;
    Process &process = *qp.owner;
    if (!memory.build(process.mrs().home(), process.memory(), qp.rq.pd, IBV_ACCESS_LOCAL_WRITE,
                      target.sges, target.count, length))
        return {IBV_WC_LOC_PROT_ERR};
    if (is_by_reference(arrival)) {
        const int code = length > 0 ? pull(end, arrival, memory, target.skipped) : 0;
        if (code == ESRCH || end.has_withdrawn()) return {IBV_WC_SUCCESS, true};
        if (code == 0) return {};
        return {code == EFAULT && memory.may_fault() ? IBV_WC_LOC_PROT_ERR : IBV_WC_LOC_QP_OP_ERR};
    }
    // The first part has what is skipped.
    const uint32_t left_out = arrival.argument == 0 ? target.skipped : 0;
    memory.skip(arrival.argument == 0 ? 0 : arrival.argument - target.skipped);
    memory.scatter(arrival.data + left_out, arrival.payload - left_out);
    return {memory.has_faulted() ? IBV_WC_LOC_PROT_ERR : IBV_WC_SUCCESS};
}

Refusal refusal_for(ibv_wc_status status) noexcept {
    return status == IBV_WC_LOC_LEN_ERR ? Refusal::invalid_request : Refusal::operation;
}

bool is_solicited(const Arrival &arrival) noexcept {
    return (arrival.flags & kFlagSolicited) != 0;
}

ibv_wc describe_message(RxEnd &end, const Arrival &arrival, ibv_wc_opcode opcode,
                        uint32_t length) noexcept {
    ibv_wc wc{};
    wc.opcode = opcode;
    wc.byte_len = length;
    wc.src_qp = end.segment().requester_qpn();
    if ((arrival.flags & kFlagImmediate) != 0) {
        wc.imm_data = arrival.imm_be;
        wc.wc_flags = IBV_WC_WITH_IMM;
    }
    return wc;
}

void complete_buffer(Qp &qp, const TagBuffer &buffer, ibv_wc &wc, const TagInfo &info,
                     bool solicited) noexcept {
    wc.wr_id = buffer.wr_id;
    wc.qp_num = qp.qp_num;
    // The first of two completions tells only that there is a match.
    const bool is_over = wc.status != IBV_WC_SUCCESS || (wc.wc_flags & IBV_WC_TM_DATA_VALID) != 0;
    if (is_over) count_receive(qp, wc.byte_len, wc.status);
    push_tagged(*qp.rq.completes_to, wc, info, solicited || wc.status != IBV_WC_SUCCESS);
}

// The buffer that a message has found is of no use to it.
Outcome fail_buffer(Qp &qp, RxEnd &end, TagList &tags, TagBuffer &buffer, ibv_wc &wc,
                    ibv_wc_status status) noexcept {
    wc.status = status;
    complete_buffer(qp, buffer, wc, {}, true);
    tags.release(buffer);
    return refuse(qp, end, refusal_for(status));
}

// The data is too much for the buffer: the program gets the headers, and fetches it by itself.
Outcome leave_to_program(Qp &qp, RxEnd &end, const Arrival &arrival, TagList &tags,
                         TagBuffer &buffer, const Headers &headers) noexcept {
    const auto most = static_cast<uint32_t>(
        std::min<uint64_t>(kRendezvousHeaders, capacity_of(buffer.sges.data(), buffer.sge_count)));
    ibv_wc wc = describe_message(end, arrival, IBV_WC_TM_RECV, most);
    Arrival front = arrival;
    front.length = front.payload = most;
    const Placed placed = place(qp, end, front, {buffer.sges.data(), buffer.sge_count, 0});
    if (placed.status != IBV_WC_SUCCESS)
        return fail_buffer(qp, end, tags, buffer, wc, placed.status);
    wc.status = IBV_WC_TM_RNDV_INCOMPLETE;
    wc.wc_flags |= IBV_WC_TM_MATCH;
    complete_buffer(qp, buffer, wc, headers.info(), true);
    tags.release(buffer);
    return Outcome::taken;
}

// The match completes now, the data when the send queue has fetched it.
Outcome take_rendezvous(Qp &qp, RxEnd &end, const Arrival &arrival, TagList &tags,
                        TagBuffer &buffer, const Headers &headers) noexcept {
    if (headers.length() > capacity_of(buffer.sges.data(), buffer.sge_count))
        return leave_to_program(qp, end, arrival, tags, buffer, headers);
    ibv_wc wc = describe_message(end, arrival, IBV_WC_TM_RECV, 0);
    wc.wc_flags |= IBV_WC_TM_MATCH;
    complete_buffer(qp, buffer, wc, headers.info(), is_solicited(arrival));
    buffer.remote_address = headers.remote_address();
    buffer.rkey = headers.rkey();
    buffer.length = headers.length();
    buffer.answer = {headers.bytes, is_solicited(arrival)};
    buffer.answer.headers[0] = static_cast<uint8_t>(TagOpcode::fin);
    TaggedReceive &tagged = *qp.rq.tagged;
    buffer.after = nullptr;
    (tagged.last_job != nullptr ? tagged.last_job->after : tagged.first_job) = &buffer;
    tagged.last_job = &buffer;
    return Outcome::handed_over;
}

// Takes what has come of a message for its buffer, or for the ordinary receive. `hold` is on the
// list where the message is whole: then its match completes here as well.
Outcome take_data(Qp &qp, RxEnd &end, const Arrival &arrival, std::unique_lock<SpinLock> &hold,
                  const TagInfo &info) noexcept {
    ReceiveQueue &rq = qp.rq;
    TaggedReceive &tagged = *rq.tagged;
    TagBuffer *buffer = tagged.buffer;
    RecvWqe &wqe = rq.taken->wqe;
    const uint32_t skipped = buffer != nullptr ? kTagHeader : 0;
    const Placed placed =
        place(qp, end, arrival,
              buffer != nullptr ? Target{buffer->sges.data(), buffer->sge_count, skipped}
                                : Target{wqe.sges(), wqe.sge_count, skipped});
    if (placed.is_stopped) return stop(qp);
    if ((arrival.flags & kFlagMore) != 0 && placed.status == IBV_WC_SUCCESS) {
        rq.partial = arrival.argument + arrival.payload;
        return Outcome::taken;
    }
    if (!hold.owns_lock()) hold.lock();
    TagList &tags = *rq.srq->tags;
    rq.partial = 0;
    ibv_wc wc = describe_message(end, arrival, buffer != nullptr ? IBV_WC_TM_RECV : tagged.opcode,
                                 arrival.length - skipped);
    const bool was_unexpected = std::exchange(tagged.counts_unexpected, false);
    tagged.buffer = nullptr;
    if (buffer == nullptr) {
        if (was_unexpected && placed.status != IBV_WC_SUCCESS) tags.discount_unexpected();
        finish(qp, wqe, wc, placed.status, is_solicited(arrival));
    } else if (placed.status != IBV_WC_SUCCESS) {
        return fail_buffer(qp, end, tags, *buffer, wc, placed.status);
    } else {
        wc.wc_flags |= IBV_WC_TM_DATA_VALID | (is_whole(arrival) ? IBV_WC_TM_MATCH : 0);
        complete_buffer(qp, *buffer, wc, info, is_solicited(arrival));
        tags.release(*buffer);
    }
    if (placed.status == IBV_WC_SUCCESS) return Outcome::taken;
    return refuse(qp, end, refusal_for(placed.status));
}

// A message that begins: finds the buffer or the receive for it.
Outcome take_first(Qp &qp, RxEnd &end, const Arrival &arrival, const Headers &headers) noexcept {
    ReceiveQueue &rq = qp.rq;
    TaggedReceive &tagged = *rq.tagged;
    TagList &tags = *rq.srq->tags;
    std::unique_lock hold(tags.lock);
    TagBuffer *const buffer = headers.is_tagged() ? tags.match(headers.info().tag) : nullptr;
    if (buffer == nullptr) {
        if (next_receive(qp) == nullptr) return starve(qp, end);
        tagged.opcode = headers.is_tagged() ? IBV_WC_TM_RECV : IBV_WC_TM_NO_TAG;
        tagged.counts_unexpected = headers.is_tagged();
        if (tagged.counts_unexpected) tags.count_unexpected();
    } else if (headers.opcode() == TagOpcode::rendezvous) {
        return take_rendezvous(qp, end, arrival, tags, *buffer, headers);
    }
    tagged.buffer = buffer;
    tagged.length = arrival.length;
    if (is_whole(arrival)) return take_data(qp, end, arrival, hold, headers.info());
    if (buffer != nullptr) {
        ibv_wc wc{};
        wc.opcode = IBV_WC_TM_RECV;
        wc.src_qp = end.segment().requester_qpn();
        wc.wc_flags = IBV_WC_TM_MATCH;
        complete_buffer(qp, *buffer, wc, headers.info(), false);
    }
    hold.unlock();
    return take_data(qp, end, arrival, hold, {});
}

// What of a message in parts is there already; under the list's lock.
void give_up_part(Qp &qp, TagList &tags, bool completes) noexcept {
    TaggedReceive &tagged = *qp.rq.tagged;
    if (std::exchange(tagged.counts_unexpected, false)) tags.discount_unexpected();
    TagBuffer *const buffer = std::exchange(tagged.buffer, nullptr);
    if (buffer == nullptr) return;
    ibv_wc wc{};
    wc.opcode = IBV_WC_TM_RECV;
    wc.status = IBV_WC_WR_FLUSH_ERR;
    if (completes) complete_buffer(qp, *buffer, wc, {}, true);
    tags.release(*buffer);
}

void give_up_all(Qp &qp, bool completes) noexcept {
    TaggedReceive &tagged = *qp.rq.tagged;
    TagList &tags = *qp.rq.srq->tags;
    const std::lock_guard hold(tags.lock);
    give_up_part(qp, tags, completes);
    while (tagged.first_job != nullptr) {
        TagBuffer &job = *tagged.first_job;
        tagged.first_job = job.after;
        ibv_wc wc{};
        wc.opcode = IBV_WC_TM_RECV;
        wc.status = IBV_WC_WR_FLUSH_ERR;
        if (completes) complete_buffer(qp, job, wc, {}, true);
        tags.release(job);
    }
    tagged.last_job = nullptr;
}

}  // namespace

Outcome deliver_tagged(Qp &qp, RxEnd &end, const Arrival &arrival) noexcept {
    ReceiveQueue &rq = qp.rq;
    // release pairs with the acquire in retire(): what the peer did before it freed is seen.
    if ((arrival.flags & kFlagMore) == 0)
        qp.acknowledged.store(arrival.qkey_or_ack, std::memory_order_release);
    const bool by_reference = is_by_reference(arrival);
    if (by_reference && (rq.sender_left || end.has_withdrawn())) return stop(qp);
    const bool goes_on =
        by_reference ? (rq.partial | arrival.argument) == 0 && (arrival.flags & kFlagMore) == 0
                     : continues(qp, arrival);
    if (!goes_on || (arrival.flags & kFlagInvalidate) != 0)
        return refuse(qp, end, Refusal::invalid_request);
    if (rq.partial != 0) {
        if ((rq.tagged->buffer == nullptr && !rq.has_taken) || arrival.length != rq.tagged->length)
            return refuse(qp, end, Refusal::invalid_request);
        std::unique_lock hold(rq.srq->tags->lock, std::defer_lock);
        return take_data(qp, end, arrival, hold, {});
    }
    // Stopped in the middle of a message, of which nobody can say now how far it came.
    if (rq.tagged->buffer != nullptr || rq.tagged->counts_unexpected) return stop(qp);
    Headers headers;
    const Outcome read = read_headers(qp, end, arrival, headers);
    if (read != Outcome::taken) return read;
    if (!is_sound(headers, arrival)) return refuse(qp, end, Refusal::invalid_request);
    return take_first(qp, end, arrival, headers);
}

void discard_part(Qp &qp) noexcept {
    TagList &tags = *qp.rq.srq->tags;
    const std::lock_guard hold(tags.lock);
    give_up_part(qp, tags, true);
}

void flush_tagged(Qp &qp) noexcept {
    give_up_all(qp, true);
}

void discard_tagged(Qp &qp) noexcept {
    give_up_all(qp, false);
}

}  // namespace soft
