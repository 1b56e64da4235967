// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mr.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

#include <string>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_reg_mr) == 40);
static_assert(sizeof(ib_uverbs_reg_mr_resp) == 12);
static_assert(sizeof(ib_uverbs_rereg_mr) == 48);
static_assert(sizeof(ib_uverbs_rereg_mr_resp) == 8);
static_assert(sizeof(ib_uverbs_dereg_mr) == 4);
static_assert(sizeof(ib_uverbs_sge) == 16);

namespace {

// The bits of ib_uverbs_rereg_mr.flags: enum ibv_rereg_mr_flags, which no UAPI header has.
constexpr std::uint32_t kChangeTranslation = 1 << 0;
constexpr std::uint32_t kChangePd = 1 << 1;
constexpr std::uint32_t kChangeAccess = 1 << 2;

std::uint64_t address_of(const void *start) noexcept {
    return reinterpret_cast<std::uintptr_t>(start);
}

// Kernels that do not say that they know optional flags refuse them all.
std::uint32_t understood(const Context &context, std::uint32_t access) noexcept {
    const bool knows_optional =
        (context.core_support() & IB_UVERBS_CORE_SUPPORT_OPTIONAL_MR_ACCESS) != 0;
    return knows_optional ? access
                          : access & ~static_cast<std::uint32_t>(IB_UVERBS_ACCESS_OPTIONAL_RANGE);
}

// The kernel says ENOMEM for the limit, too, which is the usual reason, and no one's first guess.
Failure refused_memory(const char *verb, int code, std::uint64_t length) {
    if (code == ENOMEM)
        return fail(ENOMEM, std::string(verb) + ": " + std::to_string(length) +
                                " bytes could not be locked" + memlock_advice());
    if (code == EFAULT)
        return fail(EFAULT, std::string(verb) + ": " + std::to_string(length) +
                                " bytes are not all mapped, or not as writable as was asked for");
    return refused(verb, code);
}

}  // namespace

Result<Mr> reg_mr(const Context &context, std::uint32_t pd, const void *start, std::uint64_t length,
                  std::uint64_t iova, std::uint32_t access, const Udata &udata) {
    constexpr const char *kVerb = "reg_mr";
    ib_uverbs_reg_mr request{};
    request.start = address_of(start);
    request.length = length;
    request.hca_va = iova;
    request.pd_handle = pd;
    request.access_flags = understood(context, access);
    ib_uverbs_reg_mr_resp response{};
    response.mr_handle = kNoHandle;
    const int code =
        context.run_quietly(write_command(IB_USER_VERBS_CMD_REG_MR, request, response, udata));
    if (code != 0) return refused_memory(kVerb, code, length);
    VERBS_CHECK(judge_handle(kVerb, response.mr_handle));
    return Mr{response.mr_handle, response.lkey, response.rkey};
}

Result<Keys> rereg_mr(const Context &context, std::uint32_t mr, const MrChange &change,
                      const Udata &udata) {
    constexpr const char *kVerb = "rereg_mr";
    ib_uverbs_rereg_mr request{};
    request.mr_handle = mr;
    if (change.translation) {
        request.flags |= kChangeTranslation;
        request.start = address_of(change.translation->start);
        request.length = change.translation->length;
        request.hca_va = change.translation->iova;
    }
    if (change.pd) {
        request.flags |= kChangePd;
        request.pd_handle = *change.pd;
    }
    if (change.access) {
        request.flags |= kChangeAccess;
        request.access_flags = understood(context, *change.access);
    }
    ib_uverbs_rereg_mr_resp response{};
    const int code =
        context.run_quietly(write_command(IB_USER_VERBS_CMD_REREG_MR, request, response, udata));
    if (code != 0) return refused_memory(kVerb, code, request.length);
    return Keys{response.lkey, response.rkey};
}

Result<void> dereg_mr(const Context &context, std::uint32_t mr) {
    const ib_uverbs_dereg_mr request{mr};
    return destroy(context, "dereg_mr",
                   {UVERBS_OBJECT_MR, UVERBS_METHOD_MR_DESTROY, UVERBS_ATTR_DESTROY_MR_HANDLE}, mr,
                   IB_USER_VERBS_CMD_DEREG_MR, request);
}

Result<Mr> reg_dmabuf_mr(const Context &context, std::uint32_t pd, int fd, std::uint64_t offset,
                         std::uint64_t length, std::uint64_t iova, std::uint32_t access,
                         const Udata &udata) {
    constexpr const char *kVerb = "reg_dmabuf_mr";
    Mr mr{};
    Command<11> command(UVERBS_OBJECT_MR, UVERBS_METHOD_REG_DMABUF_MR);
    const auto handle = command.new_object(UVERBS_ATTR_REG_DMABUF_MR_HANDLE);
    command.out(UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, mr.lkey);
    command.out(UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, mr.rkey);
    command.object(UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, pd);
    command.in(UVERBS_ATTR_REG_DMABUF_MR_OFFSET, offset);
    command.in(UVERBS_ATTR_REG_DMABUF_MR_LENGTH, length);
    command.in(UVERBS_ATTR_REG_DMABUF_MR_IOVA, iova);
    command.descriptor(UVERBS_ATTR_REG_DMABUF_MR_FD, fd);
    const std::uint32_t flags = understood(context, access);
    command.in(UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, flags);
    command.udata(udata);
    if (const int code = context.run_quietly(command); code != 0)
        return refused_memory(kVerb, code, length);
    VERBS_TRY(created, command.created_object(kVerb, handle));
    mr.handle = created;
    return mr;
}

Result<Mr> reg_dm_mr(const Context &context, std::uint32_t pd, std::uint32_t dm,
                     std::uint64_t offset, std::uint64_t length, std::uint32_t access,
                     const Udata &udata) {
    constexpr const char *kVerb = "reg_dm_mr";
    Mr mr{};
    Command<10> command(UVERBS_OBJECT_MR, UVERBS_METHOD_DM_MR_REG);
    const auto handle = command.new_object(UVERBS_ATTR_REG_DM_MR_HANDLE);
    command.in(UVERBS_ATTR_REG_DM_MR_OFFSET, offset);
    command.in(UVERBS_ATTR_REG_DM_MR_LENGTH, length);
    command.object(UVERBS_ATTR_REG_DM_MR_PD_HANDLE, pd);
    const std::uint32_t flags = understood(context, access);
    command.in(UVERBS_ATTR_REG_DM_MR_ACCESS_FLAGS, flags);
    command.object(UVERBS_ATTR_REG_DM_MR_DM_HANDLE, dm);
    command.out(UVERBS_ATTR_REG_DM_MR_RESP_LKEY, mr.lkey);
    command.out(UVERBS_ATTR_REG_DM_MR_RESP_RKEY, mr.rkey);
    command.udata(udata);
    VERBS_CHECK(context.run(kVerb, command));
    VERBS_TRY(created, command.created_object(kVerb, handle));
    mr.handle = created;
    return mr;
}

Result<void> advise_mr(const Context &context, std::uint32_t pd, std::uint32_t advice,
                       std::uint32_t flags, std::span<const ib_uverbs_sge> ranges) {
    Command<4> command(UVERBS_OBJECT_MR, UVERBS_METHOD_ADVISE_MR);
    command.object(UVERBS_ATTR_ADVISE_MR_PD_HANDLE, pd);
    command.constant(UVERBS_ATTR_ADVISE_MR_ADVICE, advice);
    command.in(UVERBS_ATTR_ADVISE_MR_FLAGS, flags);
    command.in_bytes(UVERBS_ATTR_ADVISE_MR_SGE_LIST, std::as_bytes(ranges));
    return context.run("advise_mr", command);
}

}  // namespace verbs::uverbs
