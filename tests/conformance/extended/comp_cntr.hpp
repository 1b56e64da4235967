// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of completions, which older headers of the system do not have yet.
#pragma once

#include "device_under_test.hpp"

#ifndef VERBS_HAVE_COMP_CNTR
enum {
    IBV_QP_ATTACH_COMP_CNTR_OP_SEND = 1 << 0,
    IBV_QP_ATTACH_COMP_CNTR_OP_RECV = 1 << 1,
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ = 1 << 2,
    IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ = 1 << 3,
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE = 1 << 4,
    IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE = 1 << 5,
};
struct ibv_comp_cntr_caps {
    uint64_t max_value;
    uint32_t max_counters;
    uint32_t supported_qp_attach_ops;
};
struct ibv_comp_cntr {
    ibv_context *context;
    uint32_t handle;
};
enum ibv_comp_cntr_type { IBV_COMP_CNTR_TYPE_WRS, IBV_COMP_CNTR_TYPE_BYTES };
struct ibv_comp_cntr_init_attr {
    uint32_t comp_mask;
    ibv_comp_cntr_type type;
    uint32_t flags;
};
struct ibv_qp_attach_comp_cntr_attr {
    uint32_t comp_mask;
    uint32_t op_mask;
};
extern "C" {
int _ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps, size_t caps_size);
ibv_comp_cntr *ibv_create_comp_cntr(ibv_context *context, ibv_comp_cntr_init_attr *cc_attr);
int ibv_destroy_comp_cntr(ibv_comp_cntr *comp_cntr);
int ibv_set_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_set_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t value);
int ibv_inc_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t amount);
int ibv_read_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_read_err_comp_cntr(ibv_comp_cntr *comp_cntr, uint64_t *value);
int ibv_qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                            ibv_qp_attach_comp_cntr_attr *attr);
}
inline int ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps) {
    return _ibv_query_comp_cntr_caps(context, caps, sizeof *caps);
}
#endif

namespace verbs_test {

using CompCntr = Handle<ibv_comp_cntr, ibv_destroy_comp_cntr>;

}  // namespace verbs_test
