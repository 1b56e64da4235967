// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting receives.
#include "datapath/qp.hpp"

#include <cerrno>
#include <cstring>

namespace rxe {

namespace {

// 0 or an errno value.
int fill(ReceiveQueue &rq, const ibv_recv_wr &wr) noexcept {
    const auto count = static_cast<uint32_t>(wr.num_sge);
    if (count > rq.max_sge) [[unlikely]]
        return EINVAL;
    if (rq.ring.is_full()) [[unlikely]]
        return ENOMEM;
    RecvWqe &wqe = *rq.ring.next<RecvWqe>();
    uint32_t length = 0;  // 32 bits in the slot, and more than 2^31 bytes never arrive
    for (uint32_t i = 0; i < count; ++i) {
        wqe.sges()[i] = wr.sg_list[i];
        length += wr.sg_list[i].length;
    }
    wqe.wr_id = wr.wr_id;
    wqe.dma = {length, length, 0, count, 0, 0};
    rq.ring.advance();
    return 0;
}

// The kernel flushes receives when a queue pair goes into the error state, and looks at the queue
// no more then: those that are posted later, as programs do to see the last one come back, would
// stay. Going into the error state again flushes them.
__attribute__((noinline)) void flush(const Qp &qp) noexcept {
    ib_uverbs_modify_qp request{};
    request.qp_handle = qp.handle;
    request.attr_mask = IBV_QP_STATE;
    request.qp_state = IBV_QPS_ERR;
    ErrorCommand command;
    std::memcpy(command.request, &request, sizeof request);
    // Otherwise refused only when the device is gone, and then nothing is flushed by anybody.
    if (give(qp.context->cmd_fd, command) == EACCES && qp.kernel != nullptr)
        (void)qp.kernel->run_quietly(
            verbs::uverbs::write_command(IB_USER_VERBS_CMD_MODIFY_QP, request));
}

}  // namespace

int fill_receives(ReceiveQueue &rq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    int code = 0;
    for (; wr != nullptr; wr = wr->next) {
        code = fill(rq, *wr);
        if (code != 0) [[unlikely]] {
            *bad_wr = wr;
            break;
        }
    }
    rq.ring.publish();
    return code;
}

int post_recv(ibv_qp *ibqp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    if (qp.state == IBV_QPS_RESET || !qp.rq.ring.is_open()) [[unlikely]] {
        *bad_wr = wr;
        return EINVAL;
    }
    qp.rq.lock.lock();
    const int code = fill_receives(qp.rq, wr, bad_wr);
    qp.rq.lock.unlock();
    if (qp.state == IBV_QPS_ERR) [[unlikely]]
        flush(qp);
    return code;
}

int post_srq_recv(ibv_srq *ibsrq, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept {
    Srq &srq = *static_cast<Srq *>(ibsrq);
    srq.rq.lock.lock();
    const int code = fill_receives(srq.rq, wr, bad_wr);
    srq.rq.lock.unlock();
    return code;
}

}  // namespace rxe
