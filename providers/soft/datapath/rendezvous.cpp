// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Rendezvous messages that found a buffer: the queue pair reads the data as by an RDMA READ, then
// tells the sender by a message with the same headers. One after the other, so that the queue never
// has more than one that is not acknowledged and one that is begun.
#include "datapath/tags.hpp"
#include "datapath/transmit.hpp"
#include "link/link.hpp"

#include <cstring>
#include <mutex>

namespace soft {

namespace {

TagBuffer *take_job(TaggedReceive &tagged) noexcept {
    TagBuffer *const job = tagged.first_job;
    if (job == nullptr) return nullptr;
    tagged.first_job = job->after;
    if (tagged.first_job == nullptr) tagged.last_job = nullptr;
    return job;
}

// The next one becomes a request of the send queue; the buffer is free for another.
void begin_next(Qp &qp) noexcept {
    TagList &tags = *qp.rq.srq->tags;
    const std::lock_guard hold(tags.lock);
    TagBuffer *const job = take_job(*qp.rq.tagged);
    if (job == nullptr) return;
    SendWqe &wqe = qp.sq.ring.at(qp.sq.ring.tail++);
    wqe.wr_id = job->wr_id;
    wqe.remote_address = job->remote_address;
    wqe.rkey = job->rkey;
    wqe.length = job->length;
    wqe.moved = 0;
    wqe.asked = 0;
    wqe.qkey_or_srqn = 0;
    wqe.opcode = kOpcodeRendezvous;
    wqe.sge_count = static_cast<uint16_t>(job->sge_count);
    wqe.is_signaled = false;
    wqe.is_inline = false;
    wqe.is_solicited = false;
    wqe.is_written = false;
    wqe.is_fenced = false;
    wqe.answer = job->answer;
    std::memcpy(wqe.sges(), job->sges.data(), job->sge_count * sizeof(ibv_sge));
    tags.release(*job);
}

void complete_data(Qp &qp, const SendWqe &wqe) noexcept {
    ibv_wc wc{};
    wc.wr_id = wqe.wr_id;
    wc.opcode = IBV_WC_TM_RECV;
    wc.byte_len = wqe.length;
    wc.qp_num = qp.qp_num;
    wc.wc_flags = IBV_WC_TM_DATA_VALID;
    count_receive(qp, wc.byte_len, wc.status);
    push_tagged(*qp.sends_to, wc, {}, wqe.answer.is_solicited);
}

bool send_answer(Qp &qp, SendWqe &wqe) noexcept {
    TxEnd &channel = *qp.sq.channel;
    Message *message = channel.reserve(kRendezvousHeaders);
    if (message == nullptr) return false;
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->flags = kFlagAnswer;
    message->payload = message->length = kRendezvousHeaders;
    message->imm_be = 0;
    // acquire pairs with the release in drain(): the slots that this gives back have been read.
    message->qkey_or_ack = qp.rq.acknowledgement.load(std::memory_order_acquire);
    message->argument = 0;
    std::memcpy(reinterpret_cast<uint8_t *>(message + 1), wqe.answer.headers.data(),
                kRendezvousHeaders);
    wqe.end = channel.publish(message);
    return true;
}

}  // namespace

void start_rendezvous(Qp &qp) noexcept {
    if (qp.rq.tagged == nullptr || qp.sq.sent != qp.sq.ring.tail) return;
    // Those that come after the queue has been flushed are flushed with the receives.
    if (qp.now.load(std::memory_order_relaxed) != IBV_QPS_ERR) begin_next(qp);
}

Transmission answer_rendezvous(Qp &qp, SendWqe &wqe) noexcept {
    if (qp.sq.channel == nullptr) return kWait;
    if (!wqe.is_written) {
        wqe.opcode = IBV_WR_RDMA_READ;
        const Transmission read = transmit_connected(qp, wqe);
        wqe.opcode = kOpcodeRendezvous;
        if (read.step != Step::done) return read;
        wqe.is_written = true;
        complete_data(qp, wqe);
    }
    if (!send_answer(qp, wqe)) return kWait;
    begin_next(qp);
    return kSent;
}

}  // namespace soft
