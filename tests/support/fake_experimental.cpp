// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/fake_experimental.hpp"

#include "support/fake_slots.hpp"

#include <cerrno>

namespace verbs_test {
namespace {

FakeExperimental &last() {
    return *static_cast<FakeExperimental *>(state.last_attributes);
}

int query_rt_values_ex(void *, ibv_values_ex *values) {
    BEGIN("query_rt_values_ex");
    values->raw_clock.tv_nsec = 99;
    return 0;
}

int create_cq_ex(void *, ibv_cq_init_attr_ex *attr, ibv_cq_ex **cq) {
    BEGIN("create_cq_ex");
    last().cq = *attr;
    // No more than the front, which is what destroy_cq deletes and the library may touch.
    *cq = reinterpret_cast<ibv_cq_ex *>(dirty<ibv_cq>());
    return 0;
}

int modify_cq(void *, ibv_cq *, ibv_modify_cq_attr *attr) {
    BEGIN("modify_cq");
    last().moderation = *attr;
    return 0;
}

int create_qp_ex(void *, ibv_qp_init_attr_ex *attr, ibv_qp **qp) {
    BEGIN("create_qp_ex");
    last().qp = *attr;
    attr->cap.max_send_wr = 77;
    *qp = dirty<ibv_qp>();
    return 0;
}

ibv_qp_ex *qp_to_qp_ex(ibv_qp *qp) {
    return state.failing_slot == "qp_to_qp_ex" ? nullptr : reinterpret_cast<ibv_qp_ex *>(qp);
}

int alloc_td(void *, ibv_td_init_attr *, ibv_td **td) {
    BEGIN("alloc_td");
    *td = dirty<ibv_td>();
    return 0;
}

int dealloc_td(void *, ibv_td *td) {
    BEGIN("dealloc_td");
    delete td;
    return 0;
}

int alloc_parent_domain(void *, ibv_parent_domain_init_attr *attr, ibv_pd **pd) {
    BEGIN("alloc_parent_domain");
    last().parent_domain = *attr;
    *pd = dirty<ibv_pd>();
    return 0;
}

int alloc_null_mr(void *, ibv_pd *, ibv_mr **mr) {
    BEGIN("alloc_null_mr");
    *mr = dirty<ibv_mr>();
    return 0;
}

int alloc_dm(void *, ibv_alloc_dm_attr *attr, ibv_dm **dm) {
    BEGIN("alloc_dm");
    last().dm_length = attr->length;
    *dm = dirty<ibv_dm>();
    return 0;
}

int free_dm(void *, ibv_dm *dm) {
    BEGIN("free_dm");
    delete dm;
    return 0;
}

int reg_dm_mr(void *, ibv_pd *, ibv_dm *, std::uint64_t dm_offset, std::size_t length, unsigned,
              ibv_mr **mr) {
    BEGIN("reg_dm_mr");
    last().dm_offset = dm_offset;
    last().dm_length = length;
    *mr = dirty<ibv_mr>();
    return 0;
}

int alloc_buf(void *, ibv_pd *, std::size_t, void **addr) {
    BEGIN("alloc_buf");
    alignas(4096) static char memory[8192];
    *addr = memory;
    return 0;
}

int free_buf(void *, void *addr, std::size_t) {
    BEGIN("free_buf");
    last().freed = addr;
    return 0;
}

int open_xrcd(void *, ibv_xrcd_init_attr *attr, ibv_xrcd **xrcd) {
    BEGIN("open_xrcd");
    last().xrcd = *attr;
    *xrcd = dirty<ibv_xrcd>();
    return 0;
}

int close_xrcd(void *, ibv_xrcd *xrcd) {
    BEGIN("close_xrcd");
    delete xrcd;
    return 0;
}

int create_srq_ex(void *, ibv_srq_init_attr_ex *attr, ibv_srq **srq) {
    BEGIN("create_srq_ex");
    last().srq = *attr;
    attr->attr.max_sge = 7;
    *srq = dirty<ibv_srq>();
    return 0;
}

int get_srq_num(void *, ibv_srq *, std::uint32_t *srq_num) {
    BEGIN("get_srq_num");
    *srq_num = 0x4712;
    return 0;
}

int open_qp(void *, ibv_qp_open_attr *attr, ibv_qp **qp) {
    BEGIN("open_qp");
    last().opening = *attr;
    *qp = dirty<ibv_qp>();
    (*qp)->qp_num = attr->qp_num;
    return 0;
}

int alloc_mw_type_2(void *, ibv_pd *, ibv_mw **mw) {
    BEGIN("alloc_mw_type_2");
    *mw = dirty<ibv_mw>();
    return 0;
}

}  // namespace

const verbs_provider_exp_ops kExperimental = {
    .query_rt_values_ex = &query_rt_values_ex,
    .create_cq_ex = &create_cq_ex,
    .modify_cq = &modify_cq,
    .create_qp_ex = &create_qp_ex,
    .qp_to_qp_ex = &qp_to_qp_ex,
    .alloc_td = &alloc_td,
    .dealloc_td = &dealloc_td,
    .alloc_parent_domain = &alloc_parent_domain,
    .alloc_null_mr = &alloc_null_mr,
    .alloc_dm = &alloc_dm,
    .free_dm = &free_dm,
    .reg_dm_mr = &reg_dm_mr,
    .alloc_buf = &alloc_buf,
    .free_buf = &free_buf,
    .open_xrcd = &open_xrcd,
    .close_xrcd = &close_xrcd,
    .create_srq_ex = &create_srq_ex,
    .get_srq_num = &get_srq_num,
    .open_qp = &open_qp,
    .alloc_mw_type_2 = &alloc_mw_type_2,
};

}  // namespace verbs_test
