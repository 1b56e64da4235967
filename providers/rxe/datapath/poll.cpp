// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Polling completions, and asking to be told of the next one.
#include "datapath/cq.hpp"
#include "datapath/doorbell.hpp"
#include "uverbs/cq.hpp"

#include <algorithm>
#include <cstring>

namespace rxe {

namespace {

void convert(const ib_uverbs_wc &from, ibv_wc &to) noexcept {
    static_assert(IBV_WC_IP_CSUM_OK << 1 == kKernelChecksumOk);
    static_assert(IBV_WC_WITH_INV >> 1 == kKernelWithInvalidate);
    // Copied before anything is looked at: the kernel's memory may change.
    std::memcpy(&to, &from, sizeof to);
    const uint32_t flags = to.wc_flags;
    to.wc_flags = (flags & (IBV_WC_GRH | IBV_WC_WITH_IMM)) | (flags & kKernelWithInvalidate) << 1 |
                  (flags & kKernelChecksumOk) >> 1;
}

}  // namespace

int poll_cq(ibv_cq *ibcq, int count, ibv_wc *wc) noexcept {
    Cq &cq = *static_cast<Cq *>(ibcq);
    cq.lock.lock();
    const int taken = std::min(static_cast<int>(cq.ring.count()), count);
    if (taken > 0) {
        for (int i = 0; i < taken; ++i)
            convert(cq.ring.at(static_cast<uint32_t>(i)), wc[i]);
        cq.ring.drop(static_cast<uint32_t>(taken));
        cq.ring.publish();
    }
    cq.lock.unlock();
    return taken > 0 ? taken : 0;
}

// Those that stay move to the newer end: there our index ends anyhow, and the kernel's need not
// move.
void forget_completions(Cq &cq, uint32_t qp_num) noexcept {
    const std::lock_guard hold(cq.lock);
    const uint32_t count = cq.ring.count();
    if (count == 0) return;
    uint32_t first = count;
    for (uint32_t i = count; i-- > 0;) {
        if (cq.ring.at(i).qp_num == qp_num) continue;
        --first;
        if (first != i) cq.ring.at(first) = cq.ring.at(i);
    }
    cq.ring.drop(first);
    cq.ring.publish();
}

int req_notify_cq(ibv_cq *ibcq, int solicited_only) noexcept {
    NotifyCommand command;
    command.request.cq_handle = ibcq->handle;
    command.request.solicited_only = solicited_only != 0 ? 1 : 0;
    const int code = give(ibcq->context->cmd_fd, command);
    const auto *kernel = static_cast<Cq *>(ibcq)->kernel;
    if (code == EACCES && kernel != nullptr) [[unlikely]]
        return verbs::uverbs::req_notify_cq(*kernel, ibcq->handle, solicited_only != 0);
    return code;
}

}  // namespace rxe
