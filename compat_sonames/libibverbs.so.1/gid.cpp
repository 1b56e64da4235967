// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// GID table entries with their type and interface. Callers tell the size of their ibv_gid_entry: an
// older one gets the front part, a newer one zeroes for what is not known here.
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

#include <algorithm>
#include <cstring>

using namespace verbs::compat;

VERBS_IMPORT(ibv_query_device);

namespace {

// A RoCE port's entries of the old type come as 0 from a source that tells types by link layer.
uint32_t gid_type(const verbs_hooks &table, ibv_context *context, uint32_t port_num,
                  uint32_t type) {
    if (type != IBV_GID_TYPE_IB) return type;
    ibv_port_attr port = {};
    if (table.query_port(context, static_cast<uint8_t>(port_num), &port, sizeof port) != 0)
        return IBV_GID_TYPE_IB;
    return port.link_layer == IBV_LINK_LAYER_ETHERNET ? IBV_GID_TYPE_ROCE_V1 : IBV_GID_TYPE_IB;
}

// Returns 0 or an errno value; ENODATA for an empty entry inside the table.
int read_entry(ibv_context *context, uint32_t port_num, uint32_t index, ibv_gid_entry &entry) {
    const verbs_hooks *table = hooks();
    if (!table) return refuse_other_release();
    verbs_hooks_gid found = {};
    if (const int code = table->query_gid(context, port_num, index, &found)) return code;
    entry = {found.gid, index, port_num, gid_type(*table, context, port_num, found.type),
             found.ifindex};
    return 0;
}

// errno as every answer leaves it: the code of a failure, else what it was before the call. Empty
// entries on the way and sources that do not tell a type are no failures.
int settle(int code, int errno_before) {
    errno = code ? code : errno_before;
    return code;
}

void copy_out(void *to, const ibv_gid_entry &entry, size_t entry_size) {
    const size_t known = std::min(entry_size, sizeof entry);
    std::memcpy(to, &entry, known);
    std::memset(static_cast<char *>(to) + known, 0, entry_size - known);
}

// Returns 0 or an errno value.
int gid_table_length(ibv_context *context, uint32_t port_num, uint32_t &length) {
    const verbs_hooks *table = hooks();
    if (!table) return refuse_other_release();
    ibv_port_attr port = {};
    const int code = table->query_port(context, static_cast<uint8_t>(port_num), &port, sizeof port);
    length = port.gid_tbl_len > 0 ? static_cast<uint32_t>(port.gid_tbl_len) : 0;
    return code;
}

static_assert(sizeof(ibv_gid_entry) == sizeof(verbs_hooks_gid_entry) &&
              offsetof(ibv_gid_entry, ndev_ifindex) == offsetof(verbs_hooks_gid_entry, ifindex));

// The used entries of all ports, where the device tells them at once. Returns 0 or an errno value;
// EOPNOTSUPP where it does not, and for entries of another size, which no release has had so far.
int read_table_at_once(ibv_context *context, void *entries, size_t max_entries, size_t entry_size,
                       size_t &count) {
    if (entry_size != sizeof(ibv_gid_entry)) return EOPNOTSUPP;
    const verbs_hooks *table = hooks();
    if (!table) return refuse_other_release();
    return table->query_gid_table(context, static_cast<verbs_hooks_gid_entry *>(entries),
                                  max_entries, &count);
}

// The same, entry by entry; counts them, or returns a negative errno value.
ssize_t read_table(ibv_context *context, char *entries, size_t max_entries, size_t entry_size) {
    ibv_device_attr device = {};
    if (const int code = stable_ibv_query_device(context, &device)) return -code;
    size_t count = 0;
    for (uint32_t port_num = 1; port_num <= device.phys_port_cnt; ++port_num) {
        uint32_t length = 0;
        if (const int code = gid_table_length(context, port_num, length)) return -code;
        for (uint32_t index = 0; index < length; ++index) {
            ibv_gid_entry entry = {};
            const int code = read_entry(context, port_num, index, entry);
            if (code == ENODATA) continue;
            if (code) return -code;
            if (count == max_entries)
                return -refuse("ibv_query_gid_table: more used entries than room for them", EINVAL);
            copy_out(entries + count++ * entry_size, entry, entry_size);
        }
    }
    return static_cast<ssize_t>(count);
}

}  // namespace

VERBS_SYMVER(_ibv_query_gid_ex, "@@IBVERBS_1.11");
int compat__ibv_query_gid_ex(ibv_context *context, uint32_t port_num, uint32_t gid_index,
                             ibv_gid_entry *entry, uint32_t flags, size_t entry_size) {
    if (flags) return refuse("ibv_query_gid_ex: no flag is known", EINVAL);
    if (!entry || !entry_size) return refuse("ibv_query_gid_ex: no room for an entry", EINVAL);
    const int errno_before = errno;
    ibv_gid_entry found = {};
    const int code = read_entry(context, port_num, gid_index, found);
    if (!code) copy_out(entry, found, entry_size);
    return settle(code, errno_before);
}

VERBS_SYMVER(_ibv_query_gid_table, "@@IBVERBS_1.11");
ssize_t compat__ibv_query_gid_table(ibv_context *context, ibv_gid_entry *entries,
                                    size_t max_entries, uint32_t flags, size_t entry_size) {
    if (flags) return -refuse("ibv_query_gid_table: no flag is known", EINVAL);
    if (!entries || !max_entries || !entry_size)
        return -refuse("ibv_query_gid_table: no room for an entry", EINVAL);
    const int errno_before = errno;
    size_t told = 0;
    const int code = read_table_at_once(context, entries, max_entries, entry_size, told);
    if (!code) return static_cast<ssize_t>(told);
    if (code != EOPNOTSUPP) return -settle(code, errno_before);
    const ssize_t count =
        read_table(context, reinterpret_cast<char *>(entries), max_entries, entry_size);
    settle(count < 0 ? static_cast<int>(-count) : 0, errno_before);
    return count;
}

// Returns 0, or -1 with errno set. An empty entry has a type too: the one of number 0.
VERBS_SYMVER(ibv_query_gid_type, "@@IBVERBS_PRIVATE_34");
int compat_ibv_query_gid_type(ibv_context *context, uint8_t port_num, unsigned int index,
                              ibv_gid_type_sysfs *type) {
    const int errno_before = errno;
    ibv_gid_entry found = {};
    const int code = read_entry(context, port_num, index, found);
    if (settle(code == ENODATA ? 0 : code, errno_before)) return -1;
    *type = found.gid_type == IBV_GID_TYPE_ROCE_V2 ? IBV_GID_TYPE_SYSFS_ROCE_V2
                                                   : IBV_GID_TYPE_SYSFS_IB_ROCE_V1;
    return 0;
}

// Providers of Ethernet devices ask for the link address of a GID with this. Returns 0 or an errno
// value.
VERBS_SYMVER(ibv_resolve_eth_l2_from_gid, "@@IBVERBS_1.1");
int compat_ibv_resolve_eth_l2_from_gid(ibv_context *context, ibv_ah_attr *attr, uint8_t eth_mac[6],
                                       uint16_t *vid) {
    const verbs_hooks *table = hooks();
    return table ? table->resolve_eth(context, attr, eth_mac, vid) : refuse_other_release();
}
