// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The names of members and of senders.
#include "link/groups.hpp"

#include "link/abstract_name.hpp"

#include <cstdio>
#include <string>

namespace soft {

using verbs::Result;
using verbs::UniqueFd;

namespace {

constexpr char kSenders[] = "verbs-soft/group-sender/";

std::string prefix_of(const Gid &group) {
    std::string text = "verbs-soft/group/";
    char digits[3];
    for (const uint8_t byte : group) {
        std::snprintf(digits, sizeof digits, "%02x", byte);
        text += digits;
    }
    return text + '/';
}

}  // namespace

Result<UniqueFd> enter_group(const Gid &group, uint32_t qpn) {
    return take_name(prefix_of(group), qpn);
}

Result<UniqueFd> enter_senders(uint32_t block) {
    return take_name(kSenders, block);
}

Result<GroupMembers> list_members(const Gid &group) {
    return list_names(prefix_of(group));
}

Result<std::vector<uint32_t>> list_senders() {
    return list_names(kSenders);
}

}  // namespace soft
