// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel answers over RDMA netlink. An answer that is believed says what stands in it, by
// a reader that shares nothing with libnl, and has names that are safe in paths and a number that
// is one; any other is refused. Nothing beyond the answer is read.
//
// The first byte of an input tells which of the two answers is expected, and whether the header is
// made to fit the rest, so that a changed length does not end most inputs at once.
#include "device/nldev.hpp"
#include "fuzz/oracle.hpp"

#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <sys/sysmacros.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

namespace {

using fuzz::check;
using verbs::device::NetlinkMessage;
using Value = std::span<const std::byte>;

constexpr uint8_t kIsAboutUverbs = 1;
constexpr uint8_t kHasFittingHeader = 2;
constexpr std::size_t kMaxName = 63;

// The first bytes of a value, as the number that they are on this machine.
template <class T>
T number_in(Value value) {
    T number{};
    check(value.size() >= sizeof number, "a number has all of its bytes");
    std::memcpy(&number, value.data(), sizeof number);
    return number;
}

NetlinkMessage message_of(uint8_t kind, Value bytes) {
    NetlinkMessage message(bytes.begin(), bytes.end());
    if ((kind & kHasFittingHeader) == 0) return message;
    const int command =
        (kind & kIsAboutUverbs) != 0 ? RDMA_NLDEV_CMD_GET_CHARDEV : RDMA_NLDEV_CMD_GET;
    if (message.size() < sizeof(nlmsghdr)) message.resize(sizeof(nlmsghdr));
    nlmsghdr header{};
    header.nlmsg_len = static_cast<__u32>(message.size());
    header.nlmsg_type = static_cast<__u16>(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command));
    std::memcpy(message.data(), &header, sizeof header);
    return message;
}

// The last value of this attribute; without data() where there is none.
Value value_of(const NetlinkMessage &message, int attribute) {
    const Value all = Value(message).first(number_in<nlmsghdr>(message).nlmsg_len);
    Value found;
    for (std::size_t at = sizeof(nlmsghdr); at + sizeof(nlattr) <= all.size();) {
        const auto header = number_in<nlattr>(all.subspan(at));
        if (header.nla_len < sizeof header || header.nla_len > all.size() - at) break;
        if ((header.nla_type & NLA_TYPE_MASK) == attribute)
            found = all.subspan(at + sizeof header, header.nla_len - sizeof header);
        at += NLA_ALIGN(std::size_t{header.nla_len});
    }
    return found;
}

void check_name(const NetlinkMessage &message, int attribute, std::string_view name) {
    const Value value = value_of(message, attribute);
    const std::string_view text(reinterpret_cast<const char *>(value.data()), value.size());
    check(text.substr(0, text.find('\0')) == name, "a name is what stands there");
    check(!name.empty() && name.size() <= kMaxName, "a name is as long as the kernel's are");
    check(name != "." && name != "..", "a name leads nowhere else");
    for (const char c : name)
        check(c > ' ' && c < 0x7f && c != '/', "a name is plain");
}

void check_device(const NetlinkMessage &message) {
    const auto device = verbs::device::parse_nldev_device(message);
    if (!device) return check(device.error().code == EBADMSG, "an odd answer is refused as such");
    check_name(message, RDMA_NLDEV_ATTR_DEV_NAME, device->name);
    check(device->index == number_in<uint32_t>(value_of(message, RDMA_NLDEV_ATTR_DEV_INDEX)),
          "an index is what stands there");
    check(device->index <= std::numeric_limits<int>::max(), "an index fits into an int");
    const Value guid = value_of(message, RDMA_NLDEV_ATTR_NODE_GUID);
    check(device->node_guid.has_value() == (guid.data() != nullptr), "a GUID is there or is not");
    check(!device->node_guid || *device->node_guid == number_in<uint64_t>(guid),
          "a GUID is what stands there");
    const Value type = value_of(message, RDMA_NLDEV_ATTR_DEV_NODE_TYPE);
    check(device->node_type.has_value() == (type.data() != nullptr), "a type is there or is not");
    check(!device->node_type || *device->node_type == number_in<uint8_t>(type),
          "a type is what stands there");
}

void check_uverbs(const NetlinkMessage &message) {
    const auto uverbs = verbs::device::parse_nldev_uverbs(message);
    if (!uverbs) return check(uverbs.error().code == EBADMSG, "an odd answer is refused as such");
    check_name(message, RDMA_NLDEV_ATTR_CHARDEV_NAME, uverbs->name);
    const auto number = number_in<uint64_t>(value_of(message, RDMA_NLDEV_ATTR_CHARDEV));
    check(::major(uverbs->number) == (number >> 8 & 0xfff), "a device has the major that it has");
    check(::minor(uverbs->number) == ((number & 0xff) | (number >> 12 & 0xfff00)),
          "a device has the minor that it has");
    check(uverbs->abi == static_cast<uint32_t>(
                             number_in<uint64_t>(value_of(message, RDMA_NLDEV_ATTR_CHARDEV_ABI))),
          "an ABI is what stands there");
    const Value driver = value_of(message, RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID);
    check(uverbs->driver_id.has_value() == (driver.data() != nullptr),
          "a driver tells or does not");
    check(!uverbs->driver_id || *uverbs->driver_id == number_in<uint32_t>(driver),
          "a driver is what stands there");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const NetlinkMessage message =
        message_of(data[0], std::as_bytes(std::span(data, size)).subspan(1));
    if ((data[0] & kIsAboutUverbs) != 0)
        check_uverbs(message);
    else
        check_device(message);
    return 0;
}
