// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who is in a multicast group, and who sends to groups, on this host and without a register: each
// says so by binding an abstract socket name, which goes with its process. The kernel's list of
// names is the register.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"
#include "datapath/qp.hpp"

#include <cstdint>
#include <vector>

namespace soft {

// From now until the descriptor is closed, the QP is a member of the group.
verbs::Result<verbs::UniqueFd> enter_group(const Gid &group, uint32_t qpn);
// From now until the descriptor is closed, the process that owns the block of QP numbers wants to
// be told of new members.
verbs::Result<verbs::UniqueFd> enter_senders(uint32_t block);

// In ascending order.
verbs::Result<GroupMembers> list_members(const Gid &group);
verbs::Result<std::vector<uint32_t>> list_senders();

}  // namespace soft
