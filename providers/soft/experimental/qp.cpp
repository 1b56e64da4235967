// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs that are filled call by call.
#include "control/device.hpp"

#include <algorithm>

namespace soft {

namespace {

#ifdef VERBS_HAVE_MW_TYPE_2
constexpr uint64_t kOfConnections = IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_BIND_MW;
constexpr uint64_t kOfReliableOnes = IBV_QP_EX_WITH_SEND_WITH_INV;
#else
constexpr uint64_t kOfConnections = 0;
constexpr uint64_t kOfReliableOnes = 0;
#endif

#ifdef VERBS_HAVE_FLUSH
constexpr uint64_t kFlush = IBV_QP_EX_WITH_FLUSH;
#else
constexpr uint64_t kFlush = 0;
#endif

// As judge_opcode() in datapath/send.cpp has it.
constexpr uint64_t operations_of(ibv_qp_type type) {
    constexpr uint64_t kPlain = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM |
                                IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM |
                                IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP |
                                IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD | IBV_QP_EX_WITH_ATOMIC_WRITE;
    return kPlain | kFlush | kOfConnections | (type == IBV_QPT_RC ? kOfReliableOnes : 0);
}

}  // namespace

Result<ibv_qp *> Device::create_qp_ex(ibv_qp_init_attr_ex *attr) {
    if (attr->qp_type == IBV_QPT_XRC_RECV) return create_receiving_qp(attr);
    VERBS_CHECK(verbs::provider::judge_qp(*attr, operations_of(attr->qp_type)));
    ibv_qp_init_attr plain = verbs::provider::plain(*attr);
    const bool writes_atomically = (attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) != 0 &&
                                   (attr->send_ops_flags & IBV_QP_EX_WITH_ATOMIC_WRITE) != 0;
    // The value goes where inline data does.
    if (writes_atomically)
        plain.cap.max_inline_data = std::max<uint32_t>(plain.cap.max_inline_data, sizeof(uint64_t));
    VERBS_TRY(ibqp, create_qp(attr->pd, &plain));
    attr->cap = plain.cap;
    if ((attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) == 0) return ibqp;
    Qp &qp = *static_cast<Qp *>(ibqp);
    if (auto extended = verbs::provider::extend<Qp, post_all>(qp, *attr); !extended) {
        // The library has not seen it, so that nothing is to be retired.
        withdraw(qp);
        qp.domain_pd->users.fetch_sub(1);
        qps_.remove(&qp);
        return verbs::Failure(std::move(extended.error()));
    }
    qp.sq.takes_atomic_writes = writes_atomically;
    return ibqp;
}

ibv_qp_ex *Device::qp_to_qp_ex(ibv_qp *qp) noexcept {
    return verbs::provider::extended_face(*static_cast<Qp *>(qp));
}

}  // namespace soft
