// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/port.hpp"

#include "uverbs/failure.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_query_port) == 16);
static_assert(sizeof(ib_uverbs_query_port_resp) == 40);
static_assert(sizeof(ib_uverbs_query_port_resp_ex) == 48);
static_assert(sizeof(ib_uverbs_gid_entry) == 32);

Result<ib_uverbs_query_port_resp_ex> query_port(const Context &context, std::uint8_t port_num) {
    ib_uverbs_query_port_resp_ex answer{};
    Command<2> command(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT);
    command.constant(UVERBS_ATTR_QUERY_PORT_PORT_NUM, port_num);
    command.out(UVERBS_ATTR_QUERY_PORT_RESP, answer);
    int code = context.run_quietly(command);
    if (is_unknown_method(code)) {
        ib_uverbs_query_port request{};
        request.port_num = port_num;
        code = context.run_quietly(
            write_command(IB_USER_VERBS_CMD_QUERY_PORT, request, answer.legacy_resp));
    }
    if (code != 0) return refused("query_port", code);
    return answer;
}

Result<ib_uverbs_gid_entry> query_gid(const Context &context, std::uint32_t port_num,
                                      std::uint32_t index) {
    ib_uverbs_gid_entry entry{};
    const std::uint32_t flags = 0;
    Command<4> command(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_ENTRY);
    command.constant(UVERBS_ATTR_QUERY_GID_ENTRY_PORT, port_num);
    command.constant(UVERBS_ATTR_QUERY_GID_ENTRY_GID_INDEX, index);
    command.in(UVERBS_ATTR_QUERY_GID_ENTRY_FLAGS, flags);
    command.out(UVERBS_ATTR_QUERY_GID_ENTRY_RESP_ENTRY, entry);
    VERBS_CHECK(context.run("query_gid", command));
    return entry;
}

Result<std::size_t> query_gid_table(const Context &context,
                                    std::span<ib_uverbs_gid_entry> entries) {
    constexpr const char *kVerb = "query_gid_table";
    std::uint64_t count = UINT64_MAX;
    const std::uint32_t flags = 0;
    Command<4> command(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE);
    command.constant(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, sizeof(ib_uverbs_gid_entry));
    command.in(UVERBS_ATTR_QUERY_GID_TABLE_FLAGS, flags);
    command.out_bytes(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES, std::as_writable_bytes(entries));
    command.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, count);
    VERBS_CHECK(context.run(kVerb, command));
    if (count > entries.size()) return odd_answer(kVerb, "more entries than there is room for");
    return static_cast<std::size_t>(count);
}

}  // namespace verbs::uverbs
