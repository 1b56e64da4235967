// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From the kernel's mapped queues to objects that can be posted to and polled.
#include "datapath/cq.hpp"
#include "datapath/qp.hpp"

#include <algorithm>

namespace rxe {

using verbs::fail;
using verbs::Mapping;
using verbs::Result;

Result<void> attach(Cq &cq, Mapping &&memory) {
    VERBS_TRY(ring, CompletionQueue::open(memory.data(), memory.size()));
    cq.ring = ring;
    cq.cqe = static_cast<int>(ring.capacity());
    cq.memory = std::move(memory);
    return {};
}

Result<void> attach(ReceiveQueue &rq, Mapping &&memory, uint32_t max_sge) {
    VERBS_TRY(ring, WorkQueue::open(memory.data(), memory.size(), receive_size(max_sge)));
    rq.ring = ring;
    rq.max_sge = max_sge;
    rq.memory = std::move(memory);
    return {};
}

Result<void> attach(Qp &qp, ibv_qp_type type, uint32_t handle, Mapping &&sends, Mapping &&receives,
                    ibv_qp_cap &cap) {
    if (type != IBV_QPT_RC && type != IBV_QPT_UC && type != IBV_QPT_UD)
        return fail(EOPNOTSUPP, "rdma_rxe has queue pairs of types RC, UC and UD only");
    const std::size_t data =
        std::max<std::size_t>(cap.max_send_sge * sizeof(ibv_sge), cap.max_inline_data);
    VERBS_TRY(ring, WorkQueue::open(sends.data(), sends.size(), sizeof(SendWqe) + data));
    if (receives.data() != nullptr) {
        VERBS_CHECK(attach(qp.rq, std::move(receives), cap.max_recv_sge));
        cap.max_recv_wr = qp.rq.ring.capacity();
    }
    SendQueue &sq = qp.sq;
    sq.ring = ring;
    sq.memory = std::move(sends);
    sq.type_bit = static_cast<uint8_t>(1u << type);
    sq.max_sge = cap.max_send_sge;
    sq.max_inline = cap.max_inline_data;
    sq.max_message = kMaxMessage;
    sq.doorbell.qp_handle = handle;
    sq.doorbell.response = reinterpret_cast<uintptr_t>(&sq.answer);
    cap.max_send_wr = ring.capacity();
    return {};
}

}  // namespace rxe
