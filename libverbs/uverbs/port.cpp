// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/port.hpp"

#include "uverbs/failure.hpp"

#include <algorithm>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_query_port) == 16);
static_assert(sizeof(ib_uverbs_query_port_resp) == 40);
static_assert(sizeof(ib_uverbs_query_port_resp_ex) == 48);
static_assert(sizeof(ib_uverbs_gid_entry) == 32);

constexpr const char *kQueryGidTable = "query_gid_table";
// The length of an attribute has 16 bits.
constexpr std::size_t kMaxGidEntries = UINT16_MAX / sizeof(ib_uverbs_gid_entry);

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

namespace {

// Beyond what was announced nothing may be believed, and no port has the number 0.
Result<std::size_t> judge(std::span<const ib_uverbs_gid_entry> entries, std::uint64_t count,
                          bool is_written) {
    if (count > entries.size())
        return odd_answer(kQueryGidTable, "more entries than there is room for");
    if (count != 0 && !is_written)
        return odd_answer(kQueryGidTable, "a number of entries, but none of them");
    const auto told = entries.first(static_cast<std::size_t>(count));
    const auto has_no_port = [](const auto &entry) { return entry.port_num == 0; };
    if (std::any_of(told.begin(), told.end(), has_no_port))
        return odd_answer(kQueryGidTable, "an entry of port 0");
    return told.size();
}

}  // namespace

Result<std::size_t> query_gid_table(const Context &context,
                                    std::span<ib_uverbs_gid_entry> entries) {
    const bool is_cut = entries.size() > kMaxGidEntries;
    if (is_cut) entries = entries.first(kMaxGidEntries);
    std::uint64_t count = UINT64_MAX;
    const std::uint32_t flags = 0;
    Command<4> command(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_GID_TABLE);
    command.constant(UVERBS_ATTR_QUERY_GID_TABLE_ENTRY_SIZE, sizeof(ib_uverbs_gid_entry));
    command.in(UVERBS_ATTR_QUERY_GID_TABLE_FLAGS, flags);
    const auto place = command.out_bytes(UVERBS_ATTR_QUERY_GID_TABLE_RESP_ENTRIES,
                                         std::as_writable_bytes(entries));
    command.out(UVERBS_ATTR_QUERY_GID_TABLE_RESP_NUM_ENTRIES, count);
    const int code = context.run_quietly(command);
    if (code == EINVAL && is_cut)
        return fail(EOPNOTSUPP, "query_gid_table: more entries than an answer holds");
    if (code != 0) return refused(kQueryGidTable, code);
    return judge(entries, count, command.is_written(place));
}

}  // namespace verbs::uverbs
