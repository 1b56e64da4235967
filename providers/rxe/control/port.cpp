// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The port and its tables.
#include "uverbs/port.hpp"
#include "control/attributes.hpp"
#include "control/device.hpp"

#include <cstring>
#include <string>

namespace rxe {

namespace {

std::string port_text(uint8_t port_num) {
    return "port " + std::to_string(port_num);
}

verbs_provider_gid to_public(const ib_uverbs_gid_entry &told) {
    static_assert(sizeof told.gid == sizeof(ibv_gid));
    verbs_provider_gid entry{};
    std::memcpy(entry.gid.raw, told.gid, sizeof told.gid);
    entry.type = told.gid_type;
    entry.ifindex = told.netdev_ifindex;
    return entry;
}

}  // namespace

Result<ibv_port_attr> RxeDevice::query_port(uint8_t port_num) {
    const auto told = verbs::uverbs::query_port(kernel_, port_num);
    if (!told) return naming(told.error(), port_text(port_num));
    return rxe::to_public(*told);
}

Result<verbs_provider_gid> RxeDevice::query_gid(uint8_t port_num, int index) {
    auto told = verbs::uverbs::query_gid(kernel_, port_num, static_cast<uint32_t>(index));
    if (!told && told.error().code == EOPNOTSUPP)  // before 5.10
        told = tables_.gid(port_num, static_cast<uint32_t>(index));
    if (!told)
        return naming(told.error(), port_text(port_num) + ", GID index " + std::to_string(index));
    return to_public(*told);
}

// The kernel writes its entries where the library wants them.
static_assert(
    sizeof(verbs_provider_gid_entry) == sizeof(ib_uverbs_gid_entry) &&
    offsetof(verbs_provider_gid_entry, index) == offsetof(ib_uverbs_gid_entry, gid_index) &&
    offsetof(verbs_provider_gid_entry, port_num) == offsetof(ib_uverbs_gid_entry, port_num) &&
    offsetof(verbs_provider_gid_entry, type) == offsetof(ib_uverbs_gid_entry, gid_type) &&
    offsetof(verbs_provider_gid_entry, ifindex) == offsetof(ib_uverbs_gid_entry, netdev_ifindex));

Result<std::size_t> RxeDevice::query_gid_table(verbs_provider_gid_entry *entries,
                                               std::size_t room) {
    return verbs::uverbs::query_gid_table(kernel_,
                                          {reinterpret_cast<ib_uverbs_gid_entry *>(entries), room});
}

Result<uint16_t> RxeDevice::query_pkey(uint8_t port_num, int index) {
    return tables_.pkey_be(port_num, static_cast<uint32_t>(index));
}

}  // namespace rxe
