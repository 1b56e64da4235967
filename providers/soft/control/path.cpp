// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From an address vector (struct ibv_ah_attr) to where it leads: the GID that the other side's
// device must have, and what a datagram says of its way.
#include "control/device.hpp"
#include "control/limits.hpp"
#include "link/lid.hpp"

#include <cstring>
#include <string>

namespace soft {

using verbs::fail;

Result<DatagramPrefix> Device::resolve(const ibv_ah_attr &attr) const {
    if (attr.port_num != 1)
        return fail(EINVAL, "ah_attr.port_num " + std::to_string(attr.port_num) + " is no port");
    if (attr.is_global == 0 && !is_infiniband_)
        return fail(EINVAL, "ah_attr.is_global is 0: an Ethernet port needs a GRH");
    DatagramPrefix path{};
    ibv_gid to = lid_route(attr.dlid);
    if (attr.is_global != 0) {
        VERBS_TRY(sgid, own_gid(attr.grh.sgid_index));
        std::memcpy(path.sgid, sgid.raw, sizeof path.sgid);
        path.traffic_class = attr.grh.traffic_class;
        path.hop_limit = attr.grh.hop_limit;
        to = attr.grh.dgid;
    }
    if (is_infiniband_) {
        path.flags = attr.is_global != 0 ? kPathInfiniband : kPathInfiniband | kPathWithoutGrh;
        path.service_level = attr.sl & 15;
        path.slid = kLid;
        // The LID leads to a port, the GID must be that port's: all of them have the same two. A
        // group is known by its GID alone.
        const bool leads_here =
            attr.dlid == kLid && (attr.is_global == 0 || port_.gids.contains(to.raw));
        if (!leads_here && !is_multicast(to.raw)) to = lid_route(kNoLid);
    } else {
        VERBS_TRY(is_local, is_local_address(to));
        if (!is_local && !is_multicast(to.raw))
            return fail(EOPNOTSUPP, "the GID is on another host: only peers of this host can be "
                                    "reached by now");
    }
    std::memcpy(path.dgid, to.raw, sizeof path.dgid);
    return path;
}

// The GID at an index of the table, if there is one.
Result<ibv_gid> Device::own_gid(int index) const {
    static constexpr ibv_gid kEmpty{};
    const bool is_inside = index >= 0 && index < gid_table_length();
    const ibv_gid gid = is_inside ? port_.gids.at(index) : kEmpty;
    if (is_same_gid(gid, kEmpty.raw))
        return fail(EINVAL, "GID index " + std::to_string(index) + " is empty (sgid_index)");
    return gid;
}

bool Device::owns(const uint8_t *gid) const noexcept {
    if (is_infiniband_ && is_same_gid(lid_route(kLid), gid)) return true;
    return port_.gids.contains(gid);
}

bool owns_gid(const Device &device, const uint8_t *gid) noexcept {
    return device.owns(gid);
}

}  // namespace soft
