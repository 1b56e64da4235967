// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/wq.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_ex_create_wq) == 40);
static_assert(sizeof(ib_uverbs_ex_create_wq_resp) == 24);
static_assert(sizeof(ib_uverbs_ex_modify_wq) == 24);
static_assert(sizeof(ib_uverbs_ex_destroy_wq) == 8);
static_assert(sizeof(ib_uverbs_ex_destroy_wq_resp) == 16);
static_assert(sizeof(ib_uverbs_ex_create_rwq_ind_table) == 8);
static_assert(sizeof(ib_uverbs_ex_create_rwq_ind_table_resp) == 16);
static_assert(sizeof(ib_uverbs_ex_destroy_rwq_ind_table) == 8);

namespace {

constexpr std::size_t kMaxTable = 64;

}  // namespace

Result<Wq> create_wq(const Context &context, const WqRequest &request, const Udata &udata) {
    constexpr const char *kVerb = "create_wq";
    ib_uverbs_ex_create_wq command{};
    command.user_handle = request.user_handle;
    command.wq_type = request.type;
    command.pd_handle = request.pd;
    command.cq_handle = request.cq;
    command.max_wr = request.max_wr;
    command.max_sge = request.max_sge;
    command.create_flags = request.flags;
    ib_uverbs_ex_create_wq_resp response{};
    VERBS_CHECK(create(context, kVerb, response.wq_handle,
                       extended_command(IB_USER_VERBS_EX_CMD_CREATE_WQ, command, response, udata)));
    return Wq{response.wq_handle, response.wqn, response.max_wr, response.max_sge};
}

Result<void> modify_wq(const Context &context, const ib_uverbs_ex_modify_wq &change,
                       const Udata &udata) {
    return context.run("modify_wq",
                       extended_command(IB_USER_VERBS_EX_CMD_MODIFY_WQ, change, udata));
}

Result<std::uint32_t> destroy_wq(const Context &context, std::uint32_t wq) {
    ib_uverbs_ex_destroy_wq request{};
    request.wq_handle = wq;
    ib_uverbs_ex_destroy_wq_resp response{};
    const int code =
        context.run_quietly(extended_command(IB_USER_VERBS_EX_CMD_DESTROY_WQ, request, response));
    if (is_destroyed(code)) return 0;
    if (code != 0) return refused("destroy_wq", code);
    return response.events_reported;
}

Result<IndTable> create_rwq_ind_table(const Context &context, std::span<const std::uint32_t> wqs,
                                      const Udata &udata) {
    constexpr const char *kVerb = "create_rwq_ind_table";
    if (!std::has_single_bit(wqs.size()) || wqs.size() > kMaxTable)
        return fail(EINVAL, "a table has 1, 2, 4 ... 64 work queues");
    // One more place: a table of one is filled up to a word of 8 bytes.
    constexpr std::size_t kFixed = sizeof(ib_uverbs_ex_create_rwq_ind_table);
    alignas(8) std::array<std::byte, kFixed + (kMaxTable + 1) * sizeof(std::uint32_t)> request{};
    ib_uverbs_ex_create_rwq_ind_table fixed{};
    fixed.log_ind_tbl_size = static_cast<std::uint32_t>(std::countr_zero(wqs.size()));
    std::memcpy(request.data(), &fixed, kFixed);
    std::memcpy(request.data() + kFixed, wqs.data(), wqs.size_bytes());
    ib_uverbs_ex_create_rwq_ind_table_resp response{};
    WriteCommand command;
    command.number = IB_USER_VERBS_EX_CMD_CREATE_RWQ_IND_TBL | IB_USER_VERBS_CMD_FLAG_EXTENDED;
    command.request = std::span(request).first(kFixed + (wqs.size_bytes() + 7) / 8 * 8);
    command.response = detail::writable_bytes_of(response);
    command.udata = udata;
    VERBS_CHECK(create(context, kVerb, response.ind_tbl_handle, command));
    return IndTable{response.ind_tbl_handle, response.ind_tbl_num};
}

Result<void> destroy_rwq_ind_table(const Context &context, std::uint32_t table) {
    ib_uverbs_ex_destroy_rwq_ind_table request{};
    request.ind_tbl_handle = table;
    return destroy(
        context, "destroy_rwq_ind_table",
        {UVERBS_OBJECT_RWQ_IND_TBL, UVERBS_METHOD_RWQ_IND_TBL_DESTROY,
         UVERBS_ATTR_DESTROY_RWQ_IND_TBL_HANDLE},
        table, IB_USER_VERBS_CMD_FLAG_EXTENDED | IB_USER_VERBS_EX_CMD_DESTROY_RWQ_IND_TBL, request);
}

}  // namespace verbs::uverbs
