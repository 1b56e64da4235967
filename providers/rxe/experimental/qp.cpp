// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs that are filled call by call.
#include "control/device.hpp"

namespace rxe {

namespace {

// As the table of opcodes in datapath/send.cpp has it.
uint64_t operations_of(ibv_qp_type type) {
    constexpr uint64_t kOfRcOnly = IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_SEND_WITH_INV;
    constexpr uint64_t kMissing = IBV_QP_EX_WITH_ATOMIC_WRITE | IBV_QP_EX_WITH_TSO;
    return ~(type == IBV_QPT_RC ? kMissing : kMissing | kOfRcOnly);
}

}  // namespace

Result<ibv_qp *> RxeDevice::create_qp_ex(ibv_qp_init_attr_ex *attr) {
    VERBS_CHECK(verbs::provider::judge_qp(*attr, operations_of(attr->qp_type)));
    ibv_qp_init_attr plain = verbs::provider::plain(*attr);
    VERBS_TRY(qp, create_qp(attr->pd, &plain));
    attr->cap = plain.cap;
    if ((attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) != 0)
        verbs::provider::extend<Qp, post_all>(*static_cast<Qp *>(qp), *attr);
    return qp;
}

ibv_qp_ex *RxeDevice::qp_to_qp_ex(ibv_qp *qp) noexcept {
    return verbs::provider::extended_face(*static_cast<Qp *>(qp));
}

}  // namespace rxe
