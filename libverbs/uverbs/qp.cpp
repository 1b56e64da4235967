// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/qp.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

#include <cstring>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_qp_cap) == 20);
static_assert(sizeof(ib_uverbs_create_qp) == 56);
static_assert(sizeof(ib_uverbs_create_qp_resp) == 32);
static_assert(sizeof(ib_uverbs_ex_create_qp) == 64);
static_assert(sizeof(ib_uverbs_ex_create_qp_resp) == 40);
static_assert(sizeof(ib_uverbs_open_qp) == 32);
static_assert(sizeof(ib_uverbs_qp_dest) == 32);
static_assert(sizeof(ib_uverbs_modify_qp) == 112);
static_assert(sizeof(ib_uverbs_ex_modify_qp) == 120);
static_assert(sizeof(ib_uverbs_query_qp) == 16);
static_assert(sizeof(ib_uverbs_query_qp_resp) == 128);
static_assert(sizeof(ib_uverbs_destroy_qp) == 16);
static_assert(sizeof(ib_uverbs_destroy_qp_resp) == 4);
static_assert(sizeof(ib_uverbs_post_send) == 24);
static_assert(sizeof(ib_uverbs_send_wr) == 56);

namespace {

constexpr const char *kCreate = "create_qp";
constexpr std::uint32_t kLastQpNum = 0xffffff;  // 24 bits on the wire

Result<Qp> judge(const char *verb, const Qp &qp) {
    if (qp.qp_num > kLastQpNum) return odd_answer(verb, "a QP number of more than 24 bits");
    return qp;
}

// What the plain and the extended request have in common, under the same names.
template <class Command>
void fill(Command &command, const QpRequest &request) noexcept {
    command.user_handle = request.user_handle;
    // The receiving side of XRC has a domain in place of a PD.
    command.pd_handle = request.pd ? *request.pd : request.xrcd.value_or(0);
    command.send_cq_handle = request.send_cq.value_or(0);
    command.recv_cq_handle = request.recv_cq.value_or(0);
    command.srq_handle = request.srq.value_or(0);
    command.is_srq = request.srq ? 1 : 0;
    command.max_send_wr = request.cap.max_send_wr;
    command.max_recv_wr = request.cap.max_recv_wr;
    command.max_send_sge = request.cap.max_send_sge;
    command.max_recv_sge = request.cap.max_recv_sge;
    command.max_inline_data = request.cap.max_inline_data;
    command.sq_sig_all = request.sq_sig_all ? 1 : 0;
    command.qp_type = static_cast<std::uint8_t>(request.type);
}

Qp read(const ib_uverbs_create_qp_resp &response) noexcept {
    return {response.qp_handle,
            response.qpn,
            {response.max_send_wr, response.max_recv_wr, response.max_send_sge,
             response.max_recv_sge, response.max_inline_data}};
}

// Before 5.9.
Result<Qp> create_by_write(const Context &context, const QpRequest &request, const Udata &udata) {
    ib_uverbs_ex_create_qp_resp response{};
    if (request.flags != 0 || request.source_qpn || request.ind_table) {
        ib_uverbs_ex_create_qp command{};
        fill(command, request);
        command.create_flags = request.flags;
        command.source_qpn = request.source_qpn.value_or(0);
        if (request.ind_table) {
            command.comp_mask = IB_UVERBS_CREATE_QP_MASK_IND_TABLE;
            command.rwq_ind_tbl_handle = *request.ind_table;
        }
        VERBS_CHECK(
            create(context, kCreate, response.base.qp_handle,
                   extended_command(IB_USER_VERBS_EX_CMD_CREATE_QP, command, response, udata)));
    } else {
        ib_uverbs_create_qp command{};
        fill(command, request);
        VERBS_CHECK(
            create(context, kCreate, response.base.qp_handle,
                   write_command(IB_USER_VERBS_CMD_CREATE_QP, command, response.base, udata)));
    }
    return judge(kCreate, read(response.base));
}

}  // namespace

Result<Qp> create_qp(const Context &context, const QpRequest &request, const Udata &udata) {
    Qp qp{};
    qp.qp_num = UINT32_MAX;
    Command<16> command(UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
    const auto handle = command.new_object(UVERBS_ATTR_CREATE_QP_HANDLE);
    if (request.xrcd) command.object(UVERBS_ATTR_CREATE_QP_XRCD_HANDLE, *request.xrcd);
    if (request.pd) command.object(UVERBS_ATTR_CREATE_QP_PD_HANDLE, *request.pd);
    if (request.srq) command.object(UVERBS_ATTR_CREATE_QP_SRQ_HANDLE, *request.srq);
    if (request.send_cq) command.object(UVERBS_ATTR_CREATE_QP_SEND_CQ_HANDLE, *request.send_cq);
    if (request.recv_cq) command.object(UVERBS_ATTR_CREATE_QP_RECV_CQ_HANDLE, *request.recv_cq);
    if (request.ind_table)
        command.object(UVERBS_ATTR_CREATE_QP_IND_TABLE_HANDLE, *request.ind_table);
    command.in(UVERBS_ATTR_CREATE_QP_USER_HANDLE, request.user_handle);
    command.in(UVERBS_ATTR_CREATE_QP_CAP, request.cap);
    command.constant(UVERBS_ATTR_CREATE_QP_TYPE, request.type);
    const std::uint32_t flags =
        request.flags | (request.sq_sig_all ? std::uint32_t{IB_UVERBS_QP_CREATE_SQ_SIG_ALL} : 0u);
    if (flags != 0) command.in(UVERBS_ATTR_CREATE_QP_FLAGS, flags);
    if (request.source_qpn) command.in(UVERBS_ATTR_CREATE_QP_SOURCE_QPN, *request.source_qpn);
    command.out(UVERBS_ATTR_CREATE_QP_RESP_CAP, qp.cap);
    command.out(UVERBS_ATTR_CREATE_QP_RESP_QP_NUM, qp.qp_num);
    command.udata(udata);
    const int code = context.run_quietly(command);
    if (is_unknown_method(code)) return create_by_write(context, request, udata);
    if (code != 0) return refused(kCreate, code);
    VERBS_TRY(created, command.created_object(kCreate, handle));
    qp.handle = created;
    return judge(kCreate, qp);
}

Result<Qp> open_qp(const Context &context, std::uint32_t xrcd, std::uint32_t qp_num,
                   ib_uverbs_qp_type type, std::uint64_t user_handle, const Udata &udata) {
    constexpr const char *kVerb = "open_qp";
    ib_uverbs_open_qp request{};
    request.user_handle = user_handle;
    request.pd_handle = xrcd;  // as the kernel's header names it
    request.qpn = qp_num;
    request.qp_type = static_cast<std::uint8_t>(type);
    ib_uverbs_create_qp_resp response{};
    VERBS_CHECK(create(context, kVerb, response.qp_handle,
                       write_command(IB_USER_VERBS_CMD_OPEN_QP, request, response, udata)));
    return judge(kVerb, read(response));
}

Result<void> modify_qp(const Context &context, const ib_uverbs_modify_qp &change,
                       const Udata &udata) {
    return context.run("modify_qp", write_command(IB_USER_VERBS_CMD_MODIFY_QP, change, udata));
}

Result<void> modify_qp_ex(const Context &context, const ib_uverbs_ex_modify_qp &change,
                          const Udata &udata) {
    ib_uverbs_ex_modify_qp_resp response{};
    return context.run("modify_qp",
                       extended_command(IB_USER_VERBS_EX_CMD_MODIFY_QP, change, response, udata));
}

Result<void> query_qp(const Context &context, std::uint32_t qp, std::uint32_t attr_mask,
                      ib_uverbs_query_qp_resp &state) {
    ib_uverbs_query_qp request{};
    request.qp_handle = qp;
    request.attr_mask = attr_mask;
    return context.run("query_qp", write_command(IB_USER_VERBS_CMD_QUERY_QP, request, state));
}

Result<std::uint32_t> destroy_qp(const Context &context, std::uint32_t qp) {
    ib_uverbs_destroy_qp request{};
    request.qp_handle = qp;
    ib_uverbs_destroy_qp_resp reported{};
    VERBS_CHECK(destroy(context, "destroy_qp",
                        {UVERBS_OBJECT_QP, UVERBS_METHOD_QP_DESTROY, UVERBS_ATTR_DESTROY_QP_HANDLE},
                        UVERBS_ATTR_DESTROY_QP_RESP, qp, IB_USER_VERBS_CMD_DESTROY_QP, request,
                        reported));
    return reported.events_reported;
}

int post_send_doorbell(const Context &context, std::uint32_t qp) noexcept {
    // Not by an initialiser: see create_flow().
    ib_uverbs_post_send request;
    std::memset(&request, 0, sizeof request);
    request.qp_handle = qp;
    request.wqe_size = sizeof(ib_uverbs_send_wr);  // the kernel wants it, though there is none
    ib_uverbs_post_send_resp response{};
    return context.run_briefly(write_command(IB_USER_VERBS_CMD_POST_SEND, request, response));
}

}  // namespace verbs::uverbs
