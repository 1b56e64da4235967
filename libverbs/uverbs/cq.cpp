// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/cq.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_create_cq) == 32);
static_assert(sizeof(ib_uverbs_create_cq_resp) == 8);
static_assert(sizeof(ib_uverbs_ex_create_cq) == 32);
static_assert(sizeof(ib_uverbs_ex_create_cq_resp) == 16);
static_assert(sizeof(ib_uverbs_resize_cq) == 16);
static_assert(sizeof(ib_uverbs_resize_cq_resp) == 8);
static_assert(sizeof(ib_uverbs_destroy_cq) == 16);
static_assert(sizeof(ib_uverbs_destroy_cq_resp) == 8);
static_assert(sizeof(ib_uverbs_ex_modify_cq) == 16);
static_assert(sizeof(ib_uverbs_req_notify_cq) == 8);

namespace {

constexpr std::uint32_t kModeration = 1 << 0;  // bit of ib_uverbs_ex_modify_cq.attr_mask
constexpr const char *kCreate = "create_cq";

Result<void> judge_entries(const char *verb, std::uint32_t granted, std::uint32_t asked) {
    if (granted < asked || granted > INT_MAX)
        return odd_answer(verb, "less room than was asked for");
    return {};
}

// Before the ioctl had the command. Flags need the extended one of the two.
Result<Cq> create_by_write(const Context &context, const CqRequest &request, const Udata &udata) {
    ib_uverbs_ex_create_cq_resp response{};
    if (request.flags != 0) {
        ib_uverbs_ex_create_cq command{};
        command.user_handle = request.user_handle;
        command.cqe = request.cqe;
        command.comp_vector = request.comp_vector;
        command.comp_channel = request.channel_fd;
        command.flags = request.flags;
        VERBS_CHECK(
            create(context, kCreate, response.base.cq_handle,
                   extended_command(IB_USER_VERBS_EX_CMD_CREATE_CQ, command, response, udata)));
    } else {
        ib_uverbs_create_cq command{};
        command.user_handle = request.user_handle;
        command.cqe = request.cqe;
        command.comp_vector = request.comp_vector;
        command.comp_channel = request.channel_fd;
        VERBS_CHECK(
            create(context, kCreate, response.base.cq_handle,
                   write_command(IB_USER_VERBS_CMD_CREATE_CQ, command, response.base, udata)));
    }
    VERBS_CHECK(judge_entries(kCreate, response.base.cqe, request.cqe));
    return Cq{response.base.cq_handle, response.base.cqe};
}

}  // namespace

Result<Cq> create_cq(const Context &context, const CqRequest &request, const Udata &udata) {
    Cq cq{};
    Command<9> command(UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_CREATE);
    const auto handle = command.new_object(UVERBS_ATTR_CREATE_CQ_HANDLE);
    command.in(UVERBS_ATTR_CREATE_CQ_CQE, request.cqe);
    command.in(UVERBS_ATTR_CREATE_CQ_USER_HANDLE, request.user_handle);
    if (request.channel_fd >= 0)
        command.descriptor(UVERBS_ATTR_CREATE_CQ_COMP_CHANNEL, request.channel_fd);
    command.in(UVERBS_ATTR_CREATE_CQ_COMP_VECTOR, request.comp_vector);
    if (request.flags != 0) command.in(UVERBS_ATTR_CREATE_CQ_FLAGS, request.flags);
    command.out(UVERBS_ATTR_CREATE_CQ_RESP_CQE, cq.cqe);
    command.udata(udata);
    const int code = context.run_quietly(command);
    if (is_unknown_method(code)) return create_by_write(context, request, udata);
    if (code != 0) return refused(kCreate, code);
    VERBS_TRY(created, command.created_object(kCreate, handle));
    VERBS_CHECK(judge_entries(kCreate, cq.cqe, request.cqe));
    cq.handle = created;
    return cq;
}

Result<std::uint32_t> resize_cq(const Context &context, std::uint32_t cq, std::uint32_t cqe,
                                const Udata &udata) {
    constexpr const char *kVerb = "resize_cq";
    ib_uverbs_resize_cq request{};
    request.cq_handle = cq;
    request.cqe = cqe;
    ib_uverbs_resize_cq_resp response{};
    VERBS_CHECK(
        context.run(kVerb, write_command(IB_USER_VERBS_CMD_RESIZE_CQ, request, response, udata)));
    VERBS_CHECK(judge_entries(kVerb, response.cqe, cqe));
    return response.cqe;
}

Result<void> modify_cq(const Context &context, std::uint32_t cq, std::uint16_t count,
                       std::uint16_t period_us) {
    ib_uverbs_ex_modify_cq request{};
    request.cq_handle = cq;
    request.attr_mask = kModeration;
    request.attr.cq_count = count;
    request.attr.cq_period = period_us;
    return context.run("modify_cq", extended_command(IB_USER_VERBS_EX_CMD_MODIFY_CQ, request));
}

Result<CqEventsReported> destroy_cq(const Context &context, std::uint32_t cq) {
    ib_uverbs_destroy_cq request{};
    request.cq_handle = cq;
    ib_uverbs_destroy_cq_resp reported{};
    VERBS_CHECK(destroy(context, "destroy_cq",
                        {UVERBS_OBJECT_CQ, UVERBS_METHOD_CQ_DESTROY, UVERBS_ATTR_DESTROY_CQ_HANDLE},
                        UVERBS_ATTR_DESTROY_CQ_RESP, cq, IB_USER_VERBS_CMD_DESTROY_CQ, request,
                        reported));
    return CqEventsReported{reported.comp_events_reported, reported.async_events_reported};
}

int req_notify_cq(const Context &context, std::uint32_t cq, bool solicited_only) noexcept {
    const ib_uverbs_req_notify_cq request{cq, solicited_only ? 1u : 0u};
    return context.run_briefly(write_command(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, request));
}

}  // namespace verbs::uverbs
