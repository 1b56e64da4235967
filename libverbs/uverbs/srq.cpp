// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/srq.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_create_srq) == 32);
static_assert(sizeof(ib_uverbs_create_xsrq) == 48);
static_assert(sizeof(ib_uverbs_create_srq_resp) == 16);
static_assert(sizeof(ib_uverbs_modify_srq) == 16);
static_assert(sizeof(ib_uverbs_query_srq) == 16);
static_assert(sizeof(ib_uverbs_query_srq_resp) == 16);
static_assert(sizeof(ib_uverbs_destroy_srq) == 16);
static_assert(sizeof(ib_uverbs_destroy_srq_resp) == 4);

namespace {

constexpr const char *kCreate = "create_srq";

// max_wr and max_sge of the SRQ, as granted.
Result<Srq> judge(const Srq &srq, const SrqRequest &request) {
    if (srq.max_wr < request.max_wr || srq.max_wr > INT_MAX)
        return odd_answer(kCreate, "less room than was asked for");
    return srq;
}

// Before 5.9.
Result<Srq> create_by_write(const Context &context, const SrqRequest &request, const Udata &udata) {
    ib_uverbs_create_srq_resp response{};
    if (request.type == IB_UVERBS_SRQT_BASIC) {
        ib_uverbs_create_srq command{};
        command.user_handle = request.user_handle;
        command.pd_handle = request.pd;
        command.max_wr = request.max_wr;
        command.max_sge = request.max_sge;
        command.srq_limit = request.limit;
        VERBS_CHECK(create(context, kCreate, response.srq_handle,
                           write_command(IB_USER_VERBS_CMD_CREATE_SRQ, command, response, udata)));
    } else {
        ib_uverbs_create_xsrq command{};
        command.user_handle = request.user_handle;
        command.srq_type = request.type;
        command.pd_handle = request.pd;
        command.max_wr = request.max_wr;
        command.max_sge = request.max_sge;
        command.srq_limit = request.limit;
        command.max_num_tags = request.max_num_tags;
        command.xrcd_handle = request.xrcd.value_or(0);
        command.cq_handle = request.cq.value_or(0);
        VERBS_CHECK(create(context, kCreate, response.srq_handle,
                           write_command(IB_USER_VERBS_CMD_CREATE_XSRQ, command, response, udata)));
    }
    return judge({response.srq_handle, response.max_wr, response.max_sge, response.srqn}, request);
}

}  // namespace

Result<Srq> create_srq(const Context &context, const SrqRequest &request, const Udata &udata) {
    Srq srq{};
    Command<15> command(UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_CREATE);
    const auto handle = command.new_object(UVERBS_ATTR_CREATE_SRQ_HANDLE);
    command.object(UVERBS_ATTR_CREATE_SRQ_PD_HANDLE, request.pd);
    if (request.xrcd) command.object(UVERBS_ATTR_CREATE_SRQ_XRCD_HANDLE, *request.xrcd);
    if (request.cq) command.object(UVERBS_ATTR_CREATE_SRQ_CQ_HANDLE, *request.cq);
    command.in(UVERBS_ATTR_CREATE_SRQ_USER_HANDLE, request.user_handle);
    command.in(UVERBS_ATTR_CREATE_SRQ_MAX_WR, request.max_wr);
    command.in(UVERBS_ATTR_CREATE_SRQ_MAX_SGE, request.max_sge);
    command.in(UVERBS_ATTR_CREATE_SRQ_LIMIT, request.limit);
    if (request.type == IB_UVERBS_SRQT_TM)
        command.in(UVERBS_ATTR_CREATE_SRQ_MAX_NUM_TAGS, request.max_num_tags);
    command.constant(UVERBS_ATTR_CREATE_SRQ_TYPE, request.type);
    command.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_WR, srq.max_wr);
    command.out(UVERBS_ATTR_CREATE_SRQ_RESP_MAX_SGE, srq.max_sge);
    if (request.type == IB_UVERBS_SRQT_XRC)
        command.out(UVERBS_ATTR_CREATE_SRQ_RESP_SRQ_NUM, srq.srq_num);
    command.udata(udata);
    const int code = context.run_quietly(command);
    if (is_unknown_method(code)) return create_by_write(context, request, udata);
    if (code != 0) return refused(kCreate, code);
    VERBS_TRY(created, command.created_object(kCreate, handle));
    srq.handle = created;
    return judge(srq, request);
}

Result<void> modify_srq(const Context &context, std::uint32_t srq, std::uint32_t mask,
                        std::uint32_t max_wr, std::uint32_t limit, const Udata &udata) {
    ib_uverbs_modify_srq request{};
    request.srq_handle = srq;
    request.attr_mask = mask;
    request.max_wr = max_wr;
    request.srq_limit = limit;
    return context.run("modify_srq", write_command(IB_USER_VERBS_CMD_MODIFY_SRQ, request, udata));
}

Result<ib_uverbs_query_srq_resp> query_srq(const Context &context, std::uint32_t srq) {
    ib_uverbs_query_srq request{};
    request.srq_handle = srq;
    ib_uverbs_query_srq_resp response{};
    VERBS_CHECK(
        context.run("query_srq", write_command(IB_USER_VERBS_CMD_QUERY_SRQ, request, response)));
    return response;
}

Result<std::uint32_t> destroy_srq(const Context &context, std::uint32_t srq) {
    ib_uverbs_destroy_srq request{};
    request.srq_handle = srq;
    ib_uverbs_destroy_srq_resp reported{};
    VERBS_CHECK(destroy(
        context, "destroy_srq",
        {UVERBS_OBJECT_SRQ, UVERBS_METHOD_SRQ_DESTROY, UVERBS_ATTR_DESTROY_SRQ_HANDLE},
        UVERBS_ATTR_DESTROY_SRQ_RESP, srq, IB_USER_VERBS_CMD_DESTROY_SRQ, request, reported));
    return reported.events_reported;
}

}  // namespace verbs::uverbs
