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

int post_srq_ops(ibv_srq *srq, ibv_ops_wr *op, ibv_ops_wr **bad_op) {
    last().ops_of = srq;
    last().ops = op;
    const int code = begin("post_srq_ops");
    if (code != 0) *bad_op = op->next;
    return code;
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

int reg_flushable_mr(void *, ibv_pd *, void *, std::size_t length, std::uint64_t iova, int access,
                     ibv_mr **mr) {
    BEGIN("reg_flushable_mr");
    last().mr_length = length;
    last().mr_iova = iova;
    last().mr_access = access;
    *mr = dirty<ibv_mr>();
    return 0;
}

int query_port_speed(void *, std::uint32_t port_num, std::uint64_t *port_speed) {
    BEGIN("query_port_speed");
    *port_speed = 1000 + port_num;
    return 0;
}

int query_qp_data_in_order(ibv_qp *, ibv_wr_opcode op, std::uint32_t flags) {
    last().flags = flags;
    return op == IBV_WR_RDMA_WRITE ? IBV_QUERY_QP_DATA_IN_ORDER_ALIGNED_128_BYTES : 0;
}

int query_ece(void *, ibv_qp *, ibv_ece *ece) {
    BEGIN("query_ece");
    *ece = {0x0815, 6, 0};
    return 0;
}

int set_ece(void *, ibv_qp *, ibv_ece *ece) {
    BEGIN("set_ece");
    ece->options &= 6;
    return 0;
}

int modify_qp_rate_limit(void *, ibv_qp *, ibv_qp_rate_limit_attr *attr) {
    BEGIN("modify_qp_rate_limit");
    last().rate_limit = *attr;
    return 0;
}

int advise_mr(void *, ibv_pd *, ibv_advise_mr_advice advice, std::uint32_t flags, ibv_sge *,
              std::uint32_t num_sge) {
    BEGIN("advise_mr");
    last().advice = advice;
    last().flags = flags;
    last().count = num_sge;
    return 0;
}

int reg_dmabuf_mr(void *, ibv_pd *, std::uint64_t offset, std::size_t length, std::uint64_t iova,
                  int fd, int, ibv_mr **mr) {
    BEGIN("reg_dmabuf_mr");
    last().dmabuf_offset = offset;
    last().dmabuf_length = length;
    last().dmabuf_iova = iova;
    last().dmabuf_fd = fd;
    *mr = dirty<ibv_mr>();
    return 0;
}

int create_flow(void *, ibv_qp *, ibv_flow_attr *attr, ibv_flow **flow) {
    BEGIN("create_flow");
    last().flow = *attr;
    *flow = dirty<ibv_flow>();
    return 0;
}

int destroy_flow(void *, ibv_flow *flow) {
    BEGIN("destroy_flow");
    delete flow;
    return 0;
}

int create_flow_action_esp(void *, ibv_flow_action_esp_attr *esp, ibv_flow_action **action) {
    BEGIN("create_flow_action_esp");
    last().esn = esp->esn;
    *action = dirty<ibv_flow_action>();
    return 0;
}

int modify_flow_action_esp(void *, ibv_flow_action *, ibv_flow_action_esp_attr *esp) {
    BEGIN("modify_flow_action_esp");
    last().esn = esp->esn;
    return 0;
}

int destroy_flow_action(void *, ibv_flow_action *action) {
    BEGIN("destroy_flow_action");
    delete action;
    return 0;
}

int create_counters(void *, ibv_counters_init_attr *, ibv_counters **counters) {
    BEGIN("create_counters");
    *counters = dirty<ibv_counters>();
    return 0;
}

int destroy_counters(void *, ibv_counters *counters) {
    BEGIN("destroy_counters");
    delete counters;
    return 0;
}

int attach_counters_point_flow(void *, ibv_counters *, ibv_counter_attach_attr *attr,
                               ibv_flow *flow) {
    BEGIN("attach_counters_point_flow");
    last().counter = *attr;
    last().counted = flow;
    return 0;
}

int read_counters(void *, ibv_counters *, std::uint64_t *values, std::uint32_t count,
                  std::uint32_t flags) {
    BEGIN("read_counters");
    last().flags = flags;
    for (std::uint32_t i = 0; i < count; ++i)
        values[i] = 100 + i;
    return 0;
}

int query_comp_cntr_caps(void *, ibv_comp_cntr_caps *caps) {
    BEGIN("query_comp_cntr_caps");
    *caps = {1ull << 40, 7, IBV_QP_ATTACH_COMP_CNTR_OP_SEND};
    return 0;
}

int create_comp_cntr(void *, ibv_comp_cntr_init_attr *attr, ibv_comp_cntr **comp_cntr) {
    BEGIN("create_comp_cntr");
    last().comp_cntr_type = attr->type;
    *comp_cntr = dirty<ibv_comp_cntr>();
    return 0;
}

int destroy_comp_cntr(void *, ibv_comp_cntr *comp_cntr) {
    BEGIN("destroy_comp_cntr");
    delete comp_cntr;
    return 0;
}

int set_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t value) {
    BEGIN("set_comp_cntr");
    last().counted_successes = value;
    return 0;
}

int set_err_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t value) {
    BEGIN("set_err_comp_cntr");
    last().counted_errors = value;
    return 0;
}

int inc_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t amount) {
    BEGIN("inc_comp_cntr");
    last().counted_successes += amount;
    return 0;
}

int inc_err_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t amount) {
    BEGIN("inc_err_comp_cntr");
    last().counted_errors += amount;
    return 0;
}

int read_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t *value) {
    BEGIN("read_comp_cntr");
    *value = last().counted_successes;
    return 0;
}

int read_err_comp_cntr(void *, ibv_comp_cntr *, std::uint64_t *value) {
    BEGIN("read_err_comp_cntr");
    *value = last().counted_errors;
    return 0;
}

int qp_attach_comp_cntr(void *, ibv_qp *, ibv_comp_cntr *, ibv_qp_attach_comp_cntr_attr *attr) {
    BEGIN("qp_attach_comp_cntr");
    last().counted_operations = attr->op_mask;
    return 0;
}

int create_wq(void *, ibv_wq_init_attr *attr, ibv_wq **wq) {
    BEGIN("create_wq");
    last().wq = *attr;
    attr->max_wr = 64;
    attr->max_sge = 4;
    *wq = dirty<ibv_wq>();
    return 0;
}

int modify_wq(void *, ibv_wq *, ibv_wq_attr *attr) {
    BEGIN("modify_wq");
    last().wq_change = *attr;
    return 0;
}

int destroy_wq(void *, ibv_wq *wq) {
    BEGIN("destroy_wq");
    delete wq;
    return 0;
}

int create_rwq_ind_table(void *, ibv_rwq_ind_table_init_attr *attr, ibv_rwq_ind_table **table) {
    BEGIN("create_rwq_ind_table");
    last().log_ind_tbl_size = attr->log_ind_tbl_size;
    *table = dirty<ibv_rwq_ind_table>();
    return 0;
}

int destroy_rwq_ind_table(void *, ibv_rwq_ind_table *table) {
    BEGIN("destroy_rwq_ind_table");
    delete table;
    return 0;
}

int import_device(void *, int cmd_fd) {
    BEGIN("import_device");
    if (cmd_fd != last().importable_fd) return EINVAL;
    return 0;
}

int import_pd(void *, std::uint32_t pd_handle, ibv_pd **pd) {
    BEGIN("import_pd");
    *pd = dirty<ibv_pd>();
    (*pd)->handle = pd_handle;
    return 0;
}

int unimport_pd(void *, ibv_pd *pd) {
    BEGIN("unimport_pd");
    delete pd;
    return 0;
}

int import_mr(void *, ibv_pd *, std::uint32_t mr_handle, ibv_mr **mr) {
    BEGIN("import_mr");
    *mr = dirty<ibv_mr>();
    (*mr)->handle = mr_handle;
    (*mr)->length = 44;
    return 0;
}

int unimport_mr(void *, ibv_mr *mr) {
    BEGIN("unimport_mr");
    delete mr;
    return 0;
}

int import_dm(void *, std::uint32_t dm_handle, ibv_dm **dm) {
    BEGIN("import_dm");
    *dm = dirty<ibv_dm>();
    (*dm)->handle = dm_handle;
    return 0;
}

int unimport_dm(void *, ibv_dm *dm) {
    BEGIN("unimport_dm");
    delete dm;
    return 0;
}

int alloc_dmah(void *, ibv_dmah_init_attr *attr, ibv_dmah **dmah) {
    BEGIN("alloc_dmah");
    last().hints = *attr;
    *dmah = dirty<ibv_dmah>();
    return 0;
}

int dealloc_dmah(void *, ibv_dmah *dmah) {
    BEGIN("dealloc_dmah");
    delete dmah;
    return 0;
}

int reg_mr_ex(void *, ibv_pd *, ibv_mr_init_attr *attr, ibv_mr **mr) {
    BEGIN("reg_mr_ex");
    last().region = *attr;
    *mr = dirty<ibv_mr>();
    return 0;
}

int export_dm(void *, ibv_dm *, int *fd) {
    BEGIN("export_dm");
    *fd = last().exported_fd;
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
    .post_srq_ops = &post_srq_ops,
    .open_qp = &open_qp,
    .alloc_mw_type_2 = &alloc_mw_type_2,
    .reg_flushable_mr = &reg_flushable_mr,
    .query_port_speed = &query_port_speed,
    .query_qp_data_in_order = &query_qp_data_in_order,
    .query_ece = &query_ece,
    .set_ece = &set_ece,
    .modify_qp_rate_limit = &modify_qp_rate_limit,
    .advise_mr = &advise_mr,
    .reg_dmabuf_mr = &reg_dmabuf_mr,
    .create_flow = &create_flow,
    .destroy_flow = &destroy_flow,
    .create_flow_action_esp = &create_flow_action_esp,
    .modify_flow_action_esp = &modify_flow_action_esp,
    .destroy_flow_action = &destroy_flow_action,
    .create_counters = &create_counters,
    .destroy_counters = &destroy_counters,
    .attach_counters_point_flow = &attach_counters_point_flow,
    .read_counters = &read_counters,
    .query_comp_cntr_caps = &query_comp_cntr_caps,
    .create_comp_cntr = &create_comp_cntr,
    .destroy_comp_cntr = &destroy_comp_cntr,
    .set_comp_cntr = &set_comp_cntr,
    .set_err_comp_cntr = &set_err_comp_cntr,
    .inc_comp_cntr = &inc_comp_cntr,
    .inc_err_comp_cntr = &inc_err_comp_cntr,
    .read_comp_cntr = &read_comp_cntr,
    .read_err_comp_cntr = &read_err_comp_cntr,
    .qp_attach_comp_cntr = &qp_attach_comp_cntr,
    .create_wq = &create_wq,
    .modify_wq = &modify_wq,
    .destroy_wq = &destroy_wq,
    .create_rwq_ind_table = &create_rwq_ind_table,
    .destroy_rwq_ind_table = &destroy_rwq_ind_table,
    .import_device = &import_device,
    .import_pd = &import_pd,
    .unimport_pd = &unimport_pd,
    .import_mr = &import_mr,
    .unimport_mr = &unimport_mr,
    .import_dm = &import_dm,
    .unimport_dm = &unimport_dm,
    .alloc_dmah = &alloc_dmah,
    .dealloc_dmah = &dealloc_dmah,
    .reg_mr_ex = &reg_mr_ex,
    .export_dm = &export_dm,
};

}  // namespace verbs_test
