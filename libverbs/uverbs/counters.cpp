// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/counters.hpp"

#include "uverbs/failure.hpp"

namespace verbs::uverbs {

Result<std::uint32_t> create_counters(const Context &context, const Udata &udata) {
    constexpr const char *kVerb = "create_counters";
    Command<3> command(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_CREATE);
    const auto handle = command.new_object(UVERBS_ATTR_CREATE_COUNTERS_HANDLE);
    command.udata(udata);
    VERBS_CHECK(context.run(kVerb, command));
    return command.created_object(kVerb, handle);
}

Result<void> read_counters(const Context &context, std::uint32_t counters,
                           std::span<std::uint64_t> values, std::uint32_t flags,
                           const Udata &udata) {
    Command<5> command(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_READ);
    command.object(UVERBS_ATTR_READ_COUNTERS_HANDLE, counters);
    command.out_bytes(UVERBS_ATTR_READ_COUNTERS_BUFF, std::as_writable_bytes(values));
    command.in(UVERBS_ATTR_READ_COUNTERS_FLAGS, flags);
    command.udata(udata);
    return context.run("read_counters", command);
}

Result<void> destroy_counters(const Context &context, std::uint32_t counters) {
    Command<1> command(UVERBS_OBJECT_COUNTERS, UVERBS_METHOD_COUNTERS_DESTROY);
    command.object(UVERBS_ATTR_DESTROY_COUNTERS_HANDLE, counters);
    const int code = context.run_quietly(command);
    if (code != 0 && !is_destroyed(code)) return refused("destroy_counters", code);
    return {};
}

}  // namespace verbs::uverbs
