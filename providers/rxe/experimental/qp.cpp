// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs that are filled call by call.
#include "uverbs/qp.hpp"

#include "control/device.hpp"
#include "uverbs/device.hpp"

#include <algorithm>

namespace rxe {

namespace {

// As the table of opcodes in datapath/send.cpp has it, and datapath/build.cpp.
uint64_t operations_of(ibv_qp_type type) {
    constexpr uint64_t kOfRcOnly = IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_SEND_WITH_INV;
    return type == IBV_QPT_RC ? ~uint64_t{0} : ~kOfRcOnly;
}

uint64_t asked_operations(const ibv_qp_init_attr_ex &attr) {
    return (attr.comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) != 0 ? attr.send_ops_flags : 0;
}

Result<void> judge_atomic_write(const verbs::uverbs::Context &kernel) {
    VERBS_TRY(told, verbs::uverbs::query_device_ex(kernel));
    if ((told.device_cap_flags_ex & IBV_DEVICE_ATOMIC_WRITE) == 0)
        return verbs::fail(EOPNOTSUPP, "this kernel's rdma_rxe has no atomic writes");
    return {};
}

}  // namespace

Result<ibv_qp *> RxeDevice::create_qp_ex(ibv_qp_init_attr_ex *attr) {
    VERBS_CHECK(verbs::provider::judge_qp(*attr, operations_of(attr->qp_type)));
    ibv_qp_init_attr plain = verbs::provider::plain(*attr);
    const bool writes_atomically = (asked_operations(*attr) & IBV_QP_EX_WITH_ATOMIC_WRITE) != 0;
    if (writes_atomically) {
        VERBS_CHECK(judge_atomic_write(kernel_));
        // The value goes where inline data does.
        plain.cap.max_inline_data = std::max<uint32_t>(plain.cap.max_inline_data, 8);
    }
    VERBS_TRY(ibqp, create_qp(attr->pd, &plain));
    attr->cap = plain.cap;
    if ((attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) == 0) return ibqp;
    Qp &qp = *static_cast<Qp *>(ibqp);
    make_buildable(qp, attr->qp_type, attr->send_ops_flags);
    if (writes_atomically) qp.sq.type_bit |= kAtomicWriter;
    return ibqp;
}

ibv_qp_ex *RxeDevice::qp_to_qp_ex(ibv_qp *qp) noexcept {
    ibv_qp_ex &face = static_cast<Qp *>(qp)->extended();
    return face.wr_start != nullptr ? &face : nullptr;
}

}  // namespace rxe
