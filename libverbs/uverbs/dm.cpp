// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/dm.hpp"

#include "uverbs/failure.hpp"

namespace verbs::uverbs {

Result<std::uint32_t> alloc_dm(const Context &context, std::uint64_t length,
                               std::uint32_t log_alignment, const Udata &udata) {
    constexpr const char *kVerb = "alloc_dm";
    Command<5> command(UVERBS_OBJECT_DM, UVERBS_METHOD_DM_ALLOC);
    const auto handle = command.new_object(UVERBS_ATTR_ALLOC_DM_HANDLE);
    command.in(UVERBS_ATTR_ALLOC_DM_LENGTH, length);
    command.in(UVERBS_ATTR_ALLOC_DM_ALIGNMENT, log_alignment);
    command.udata(udata);
    VERBS_CHECK(context.run(kVerb, command));
    return command.created_object(kVerb, handle);
}

Result<void> free_dm(const Context &context, std::uint32_t dm) {
    Command<1> command(UVERBS_OBJECT_DM, UVERBS_METHOD_DM_FREE);
    command.object(UVERBS_ATTR_FREE_DM_HANDLE, dm);
    const int code = context.run_quietly(command);
    if (code != 0 && !is_destroyed(code)) return refused("free_dm", code);
    return {};
}

}  // namespace verbs::uverbs
