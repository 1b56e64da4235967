// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Entries of the GID table with their type and interface, as libverbs has them from the provider.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

// Nothing here needs an experimental half.
Result<const verbs_hooks *> library() {
    const verbs_hooks *const hooks = exp::hooks();
    if (hooks == nullptr)
        return fail(ENOSYS, "libverbs-exp and libverbs are of different releases");
    return hooks;
}

Result<ibv_port_attr> query_port(const verbs_hooks &hooks, ibv_context *context,
                                 std::uint32_t port_num) {
    if (port_num > UINT8_MAX) return fail(EINVAL, "there is no such port");
    ibv_port_attr port{};
    VERBS_CHECK(exp::settled(
        hooks.query_port(context, static_cast<std::uint8_t>(port_num), &port, sizeof port)));
    return port;
}

// Entries of the oldest type on Ethernet come as 0 from a source that leaves that to the link
// layer.
std::uint32_t type_of(const verbs_hooks_gid &found, const ibv_port_attr &port) {
    const bool is_told = found.type != IBV_GID_TYPE_IB;
    if (is_told || port.link_layer != IBV_LINK_LAYER_ETHERNET) return found.type;
    return IBV_GID_TYPE_ROCE_V1;
}

Result<ibv_gid_entry> query_entry(const verbs_hooks &hooks, ibv_context *context,
                                  std::uint32_t port_num, std::uint32_t index) {
    VERBS_TRY(port, query_port(hooks, context, port_num));
    verbs_hooks_gid found{};
    VERBS_CHECK(exp::settled(hooks.query_gid(context, port_num, index, &found)));
    return ibv_gid_entry{found.gid, index, port_num, type_of(found, port), found.ifindex};
}

// The entries in use of one port, behind `count` others.
Result<void> query_table(const verbs_hooks &hooks, ibv_context *context, std::uint32_t port_num,
                         ibv_gid_entry *entries, std::size_t max_entries, std::size_t &count) {
    VERBS_TRY(port, query_port(hooks, context, port_num));
    for (std::uint32_t index = 0; index < static_cast<std::uint32_t>(port.gid_tbl_len); ++index) {
        verbs_hooks_gid found{};
        const int code = hooks.query_gid(context, port_num, index, &found);
        if (code == ENODATA) continue;
        VERBS_CHECK(exp::settled(code));
        if (count == max_entries) return fail(EINVAL, "more entries are in use than fit");
        entries[count++] = {found.gid, index, port_num, type_of(found, port), found.ifindex};
    }
    return {};
}

}  // namespace

int ibv_query_gid_ex(ibv_context *context, std::uint32_t port_num, std::uint32_t gid_index,
                     ibv_gid_entry *entry, std::uint32_t flags) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(entry, "entry"));
        if (flags != 0) return fail(EINVAL, "unknown flags");
        VERBS_TRY(hooks, library());
        VERBS_TRY(found, query_entry(*hooks, context, port_num, gid_index));
        *entry = found;
        return {};
    });
}

// The negated number is the answer here, and errno stays as it was.
ssize_t ibv_query_gid_table(ibv_context *context, ibv_gid_entry *entries, std::size_t max_entries,
                            std::uint32_t flags) {
    std::size_t count = 0;
    const int before = errno;
    const int code = api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(entries, "entries"));
        if (flags != 0) return fail(EINVAL, "unknown flags");
        VERBS_TRY(hooks, library());
        ibv_device_attr device{};
        if (const int refused = ::ibv_query_device(context, &device); refused != 0)
            return fail(refused, verbs_last_error());
        for (std::uint32_t port = 1; port <= device.phys_port_cnt; ++port)
            VERBS_CHECK(query_table(*hooks, context, port, entries, max_entries, count));
        return {};
    });
    errno = before;
    return code == 0 ? static_cast<ssize_t>(count) : -code;
}
