// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What later headers ask of a queue pair. All of it is optional for a device: where the
// experimental library is missing or has no such call, each gives the answer that its manual page
// has for that.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

// NULL stands for a QP that was not made for the ibv_wr_* calls.
VERBS_SYMVER(ibv_qp_to_qp_ex, "@@IBVERBS_1.6");
ibv_qp_ex *compat_ibv_qp_to_qp_ex(ibv_qp *qp) {
    if (auto *find = VERBS_EXPERIMENTAL(ibv_qp_to_qp_ex)) return find(qp);
    refuse("ibv_qp_to_qp_ex: this queue pair does not have the ibv_wr_ calls");
    return nullptr;
}

VERBS_SYMVER(ibv_query_ece, "@@IBVERBS_1.10");
int compat_ibv_query_ece(ibv_qp *qp, ibv_ece *ece) {
    if (auto *query = VERBS_EXPERIMENTAL(ibv_query_ece)) return query(qp, ece);
    return refuse("ibv_query_ece: the device has no enhanced connection establishment");
}

VERBS_SYMVER(ibv_set_ece, "@@IBVERBS_1.10");
int compat_ibv_set_ece(ibv_qp *qp, ibv_ece *ece) {
    if (auto *set = VERBS_EXPERIMENTAL(ibv_set_ece)) return set(qp, ece);
    return refuse("ibv_set_ece: the device has no enhanced connection establishment");
}

// 0 is an answer, not a success: nobody may poll on the data.
VERBS_SYMVER(ibv_query_qp_data_in_order, "@@IBVERBS_1.14");
int compat_ibv_query_qp_data_in_order(ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags) {
    if (auto *query = VERBS_EXPERIMENTAL(ibv_query_qp_data_in_order)) return query(qp, op, flags);
    return 0;
}
