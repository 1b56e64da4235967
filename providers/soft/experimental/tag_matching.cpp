// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a program does to the list of tagged buffers. Operations are carried out as they are posted,
// so that none is ever under way.
#include "control/device.hpp"
#include "core/number_of.hpp"
#include "datapath/tags.hpp"

#include <cerrno>
#include <mutex>

namespace soft {

namespace {

constexpr int kKnownFlags = IBV_OPS_SIGNALED | IBV_OPS_TM_SYNC;

// 0, or why the operation is not taken.
int judge(TagList &tags, const ibv_ops_wr &op) noexcept {
    if ((op.flags & ~kKnownFlags) != 0) return EINVAL;
    switch (verbs::number_of(op.opcode)) {
    case IBV_WR_TAG_ADD:
        if (op.tm.add.num_sge < 0 || static_cast<uint32_t>(op.tm.add.num_sge) > kMaxTagSge)
            return EINVAL;
        return tags.is_full() ? ENOMEM : 0;
    case IBV_WR_TAG_DEL:
        return tags.find(op.tm.handle) == nullptr ? EINVAL : 0;
    case IBV_WR_TAG_SYNC:
        return 0;
    }
    return EINVAL;
}

void add(TagList &tags, ibv_ops_wr &op) noexcept {
    TagBuffer &buffer = tags.add();
    buffer.wr_id = op.tm.add.recv_wr_id;
    buffer.tag = op.tm.add.tag;
    buffer.mask = op.tm.add.mask;
    buffer.sge_count = static_cast<uint32_t>(op.tm.add.num_sge);
    std::copy_n(op.tm.add.sg_list, buffer.sge_count, buffer.sges.begin());
    op.tm.handle = buffer.handle;
}

// A message may have been faster.
ibv_wc_status remove(TagList &tags, uint32_t handle) noexcept {
    TagBuffer &buffer = *tags.find(handle);
    if (buffer.handle != handle || buffer.place != TagBuffer::Place::list) return IBV_WC_TM_ERR;
    tags.remove(buffer);
    return IBV_WC_SUCCESS;
}

void complete(const Srq &srq, const ibv_ops_wr &op, ibv_wc_opcode opcode,
              ibv_wc_status status) noexcept {
    if ((op.flags & IBV_OPS_SIGNALED) == 0) return;
    ibv_wc wc{};
    wc.wr_id = op.wr_id;
    wc.opcode = opcode;
    wc.status = status;
    wc.wc_flags = srq.tags->is_behind() ? IBV_WC_TM_SYNC_REQ : 0;
    push_tagged(*srq.completes_to, wc, {}, status != IBV_WC_SUCCESS);
}

int carry_out(Srq &srq, ibv_ops_wr &op) noexcept {
    TagList &tags = *srq.tags;
    if (const int code = judge(tags, op); code != 0) return code;
    if ((op.flags & IBV_OPS_TM_SYNC) != 0) tags.note_handled(op.tm.unexpected_cnt);
    switch (op.opcode) {
    case IBV_WR_TAG_ADD:
        add(tags, op);
        complete(srq, op, IBV_WC_TM_ADD, IBV_WC_SUCCESS);
        break;
    case IBV_WR_TAG_DEL:
        complete(srq, op, IBV_WC_TM_DEL, remove(tags, op.tm.handle));
        break;
    case IBV_WR_TAG_SYNC:
        complete(srq, op, IBV_WC_TM_SYNC, IBV_WC_SUCCESS);
        break;
    }
    return 0;
}

}  // namespace

int Device::post_srq_ops(ibv_srq *ibsrq, ibv_ops_wr *op, ibv_ops_wr **bad_op) noexcept {
    Srq &srq = *static_cast<Srq *>(ibsrq);
    int code = srq.tags != nullptr ? 0 : EINVAL;
    bool may_match = false;
    if (code == 0) {
        const std::lock_guard hold(srq.tags->lock);
        for (; op != nullptr; op = op->next) {
            code = carry_out(srq, *op);
            if (code != 0) break;
        }
        may_match = srq.tags->has_awake();
    }
    if (code != 0) *bad_op = op;
    // A message that waits for a receive may have found its buffer now.
    if (may_match) wake_waiting(srq);
    return code;
}

}  // namespace soft
