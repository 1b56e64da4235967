// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/tables.hpp"

#include "core/attribute_file.hpp"

#include <endian.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace verbs::uverbs {
namespace {

constexpr std::size_t kGidText = 39;  // eight groups of four digits, colons between them

Failure odd(const char *what, std::string_view text) {
    return fail(EBADMSG, std::string(what) + " in sysfs cannot be read: " + std::string(text));
}

Result<std::array<std::uint8_t, 16>> parse_gid(std::string_view text) {
    std::array<std::uint8_t, 16> raw{};
    if (text.size() != kGidText) return odd("a GID", text);
    for (std::size_t group = 0; group < 8; ++group) {
        const char *digits = text.data() + group * 5;
        if (group < 7 && digits[4] != ':') return odd("a GID", text);
        std::uint16_t value = 0;
        const auto [end, problem] = std::from_chars(digits, digits + 4, value, 16);
        if (problem != std::errc() || end != digits + 4) return odd("a GID", text);
        raw[group * 2] = static_cast<std::uint8_t>(value >> 8);
        raw[group * 2 + 1] = static_cast<std::uint8_t>(value);
    }
    return raw;
}

}  // namespace

Result<ib_uverbs_gid_entry> SysfsTables::gid(std::uint32_t port_num, std::uint32_t index) const {
    VERBS_TRY(text, entry(port_num, "gids", index));
    VERBS_TRY(raw, parse_gid(text));
    // The kernel shows an empty entry as zeros, and has no type for it.
    const bool is_zero = std::all_of(raw.begin(), raw.end(), [](auto byte) { return byte == 0; });
    if (is_zero) return fail(ENODATA, "GID index " + std::to_string(index) + " is empty");

    ib_uverbs_gid_entry found{};
    std::memcpy(found.gid, raw.data(), sizeof found.gid);
    found.gid_index = index;
    found.port_num = port_num;
    // An InfiniBand port has no network interface; nor has an entry whose interface is just going.
    const auto interface = entry(port_num, "gid_attrs/ndevs", index);
    if (interface) found.netdev_ifindex = ::if_nametoindex(interface->c_str());
    // "IB/RoCE v1" is one text for both. Kernels before 4.5 have no types, and no RoCE but that.
    const auto type = entry(port_num, "gid_attrs/types", index);
    if (type && *type == "RoCE v2")
        found.gid_type = IB_UVERBS_GID_TYPE_ROCE_V2;
    else
        found.gid_type = interface ? IB_UVERBS_GID_TYPE_ROCE_V1 : IB_UVERBS_GID_TYPE_IB;
    return found;
}

Result<std::uint16_t> SysfsTables::pkey_be(std::uint32_t port_num, std::uint32_t index) const {
    VERBS_TRY(text, entry(port_num, "pkeys", index));
    std::uint16_t pkey = 0;
    if (!text.starts_with("0x")) return odd("a partition key", text);
    const auto [end, problem] =
        std::from_chars(text.data() + 2, text.data() + text.size(), pkey, 16);
    if (problem != std::errc() || end != text.data() + text.size())
        return odd("a partition key", text);
    return ::htobe16(pkey);
}

Result<std::string> SysfsTables::entry(std::uint32_t port_num, const char *table,
                                       std::uint32_t index) const {
    const auto file =
        path_ + "/ports/" + std::to_string(port_num) + '/' + table + '/' + std::to_string(index);
    auto text = read_attribute(file);
    // A table has a file per entry, so a file that is not there is an index or port that is not.
    if (!text && text.error().code == ENOENT) text.error().code = EINVAL;
    return text;
}

}  // namespace verbs::uverbs
