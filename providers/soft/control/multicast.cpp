// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Attaching queue pairs to multicast groups.
#include "control/device.hpp"
#include "control/limits.hpp"

#include <algorithm>
#include <string>

namespace soft {

using verbs::fail;

namespace {

Result<Gid> judge_group(const Qp &qp, const ibv_gid *gid) {
    if (!qp.is_datagram) return fail(EINVAL, "only datagram queue pairs can be in a group");
    if (!is_multicast(gid->raw)) return fail(EINVAL, "the GID is not a multicast group");
    Gid group;
    std::copy(std::begin(gid->raw), std::end(gid->raw), group.begin());
    return group;
}

}  // namespace

Result<void> Device::attach_mcast(ibv_qp *ibqp, const ibv_gid *gid, uint16_t) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    VERBS_TRY(group, judge_group(qp, gid));
    return process_->join_group(qp, group);
}

Result<void> Device::detach_mcast(ibv_qp *ibqp, const ibv_gid *gid, uint16_t) {
    Qp &qp = *static_cast<Qp *>(ibqp);
    VERBS_TRY(group, judge_group(qp, gid));
    return process_->leave_group(qp, group);
}

}  // namespace soft
