// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/announcement.hpp"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace verbs::device {
namespace {

template <std::size_t Size>
bool ends(const char (&text)[Size]) {
    return std::memchr(text, '\0', Size) != nullptr;
}

template <std::size_t Size>
void copy_text(char (&place)[Size], const std::string &text) {
    place[text.copy(place, Size - 1)] = '\0';
}

ibv_transport_type transport_of(int node_type) {
    switch (node_type) {
    case IBV_NODE_CA:
    case IBV_NODE_SWITCH:
    case IBV_NODE_ROUTER:
        return IBV_TRANSPORT_IB;
    case IBV_NODE_RNIC:
        return IBV_TRANSPORT_IWARP;
    case IBV_NODE_USNIC:
        return IBV_TRANSPORT_USNIC;
    case IBV_NODE_USNIC_UDP:
        return IBV_TRANSPORT_USNIC_UDP;
    case IBV_NODE_UNSPECIFIED:
        return IBV_TRANSPORT_UNSPECIFIED;
    default:
        return IBV_TRANSPORT_UNKNOWN;
    }
}

}  // namespace

Result<verbs_provider_device> checked(const verbs_provider_device &announced) {
    if (!ends(announced.name) || !ends(announced.dev_name) || !ends(announced.dev_path) ||
        !ends(announced.ibdev_path))
        return fail(EINVAL, "a text of an announced device does not end");
    const std::string_view name = announced.name;
    const auto is_unfit = [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '/'; };
    if (name.empty() || std::any_of(name.begin(), name.end(), is_unfit))
        return fail(EINVAL, "the name of an announced device is empty or not plain");
    return announced;
}

verbs_provider_device announcement_of(const KernelDevice &device, const Sysfs &sysfs) {
    verbs_provider_device announced{};
    copy_text(announced.name, device.name);
    copy_text(announced.dev_name, device.uverbs);
    copy_text(announced.dev_path, sysfs.uverbs_path(device.uverbs));
    copy_text(announced.ibdev_path, sysfs.device_path(device.name));
    announced.node_guid_be = ::htobe64(device.node_guid);
    announced.cookie = device.node;
    announced.node_type = device.node_type;
    announced.transport_type = transport_of(device.node_type);
    if (announced.transport_type == IBV_TRANSPORT_UNKNOWN) announced.node_type = IBV_NODE_UNKNOWN;
    announced.kernel_driver_id = device.driver_id;
    announced.index = device.index;
    announced.kernel_abi = device.abi;
    announced.node_number = device.number;
    return announced;
}

}  // namespace verbs::device
