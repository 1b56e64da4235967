// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading the kernel's answers: lengths first, then types, then what the values may be.
#include "device/nldev.hpp"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <rdma/rdma_netlink.h>

#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <limits>

namespace verbs::device {
namespace {

using Attributes = std::array<nlattr *, RDMA_NLDEV_ATTR_MAX>;

constexpr std::size_t kMaxName = 63;  // IB_DEVICE_NAME_MAX without the NUL

constexpr auto kPolicy = [] {
    std::array<nla_policy, RDMA_NLDEV_ATTR_MAX> policy{};
    const auto is_text = [&](int attribute) {
        policy[static_cast<std::size_t>(attribute)] = {NLA_STRING, 1, kMaxName + 1};
    };
    policy[RDMA_NLDEV_ATTR_DEV_INDEX].type = NLA_U32;
    is_text(RDMA_NLDEV_ATTR_DEV_NAME);
    policy[RDMA_NLDEV_ATTR_NODE_GUID].type = NLA_U64;
    policy[RDMA_NLDEV_ATTR_DEV_NODE_TYPE].type = NLA_U8;
    is_text(RDMA_NLDEV_ATTR_CHARDEV_NAME);
    policy[RDMA_NLDEV_ATTR_CHARDEV_ABI].type = NLA_U64;
    policy[RDMA_NLDEV_ATTR_CHARDEV].type = NLA_U64;
    // 32 bits from kernels so far, 64 by the header: number_in() takes both.
    policy[RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID].type = NLA_U32;
    return policy;
}();

Failure odd(const char *what) {
    return fail(EBADMSG, std::string("RDMA netlink: ") + what);
}

// The attributes of a message about `command`. They point into the message.
Result<Attributes> attributes_of(const NetlinkMessage &message, int command) {
    if (message.size() < sizeof(nlmsghdr)) return odd("an answer is shorter than its header");
    // libnl takes no const; it only reads.
    auto *header = reinterpret_cast<nlmsghdr *>(const_cast<std::byte *>(message.data()));
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > message.size())
        return odd("an answer does not have the length that it claims");
    if (header->nlmsg_type != RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command))
        return odd("an answer is about something else");
    Attributes attributes{};
    if (::nlmsg_parse(header, 0, attributes.data(), RDMA_NLDEV_ATTR_MAX - 1, kPolicy.data()) < 0)
        return odd("an attribute of an answer is too short, or no text that ends");
    return attributes;
}

std::uint64_t number_in(const nlattr *attribute) {
    return ::nla_len(attribute) >= 8 ? ::nla_get_u64(attribute) : ::nla_get_u32(attribute);
}

bool is_plain(std::string_view name) {
    const auto is_unfit = [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '/'; };
    return !name.empty() && name != "." && name != ".." &&
           std::none_of(name.begin(), name.end(), is_unfit);
}

// The kernel's way to put a device number into 64 bits (huge_encode_dev).
dev_t device_number(std::uint64_t encoded) {
    return ::makedev(static_cast<unsigned>((encoded >> 8) & 0xfff),
                     static_cast<unsigned>((encoded & 0xff) | ((encoded >> 12) & 0xfff00)));
}

}  // namespace

Result<NldevDevice> parse_nldev_device(const NetlinkMessage &message) {
    VERBS_TRY(attributes, attributes_of(message, RDMA_NLDEV_CMD_GET));
    const nlattr *index = attributes[RDMA_NLDEV_ATTR_DEV_INDEX];
    const nlattr *name = attributes[RDMA_NLDEV_ATTR_DEV_NAME];
    if (index == nullptr || name == nullptr) return odd("a device has no index or no name");
    NldevDevice device;
    device.index = ::nla_get_u32(index);
    device.name = ::nla_get_string(name);
    if (device.index > std::numeric_limits<std::int32_t>::max())
        return odd("the index of a device is no positive number");
    if (!is_plain(device.name)) return odd("the name of a device is not plain");
    if (const nlattr *guid = attributes[RDMA_NLDEV_ATTR_NODE_GUID]; guid != nullptr)
        device.node_guid = ::nla_get_u64(guid);
    if (const nlattr *type = attributes[RDMA_NLDEV_ATTR_DEV_NODE_TYPE]; type != nullptr)
        device.node_type = ::nla_get_u8(type);
    return device;
}

Result<NldevUverbs> parse_nldev_uverbs(const NetlinkMessage &message) {
    VERBS_TRY(attributes, attributes_of(message, RDMA_NLDEV_CMD_GET_CHARDEV));
    const nlattr *name = attributes[RDMA_NLDEV_ATTR_CHARDEV_NAME];
    const nlattr *number = attributes[RDMA_NLDEV_ATTR_CHARDEV];
    const nlattr *abi = attributes[RDMA_NLDEV_ATTR_CHARDEV_ABI];
    if (name == nullptr || number == nullptr || abi == nullptr)
        return odd("a uverbs device has no name, no number or no ABI");
    NldevUverbs uverbs;
    uverbs.name = ::nla_get_string(name);
    if (!is_plain(uverbs.name)) return odd("the name of a uverbs device is not plain");
    uverbs.number = device_number(::nla_get_u64(number));
    uverbs.abi = static_cast<std::uint32_t>(::nla_get_u64(abi));
    if (const nlattr *id = attributes[RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID]; id != nullptr)
        uverbs.driver_id = static_cast<std::uint32_t>(number_in(id));
    return uverbs;
}

}  // namespace verbs::device
