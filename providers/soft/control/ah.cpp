// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles.
#include "control/device.hpp"
#include "control/limits.hpp"

#include <string>

namespace soft {

using verbs::fail;

Result<ibv_ah *> Device::create_ah(ibv_pd *ibpd, ibv_ah_attr *attr) {
    if (attr->port_num != 1)
        return fail(EINVAL, "port " + std::to_string(attr->port_num) + " does not exist");
    if (attr->is_global == 0) return fail(EINVAL, "is_global is 0: an Ethernet port needs a GRH");
    VERBS_TRY(sgid, own_gid(attr->grh.sgid_index));
    VERBS_TRY(is_local, is_local_address(attr->grh.dgid));
    if (!is_local && !is_multicast(attr->grh.dgid.raw))
        return fail(EOPNOTSUPP, "the GID is on another host: only peers of this host can be "
                                "reached by now");
    auto *pd = static_cast<Pd *>(ibpd);
    auto ah = std::make_unique<Ah>();
    ah->domain = pd;
    ah->attr = *attr;
    ah->sgid = sgid;
    ah->handle = handles_.fetch_add(1);
    pd->users.fetch_add(1);
    return ahs_.add(std::move(ah));
}

Result<void> Device::destroy_ah(ibv_ah *ibah) {
    auto *ah = static_cast<Ah *>(ibah);
    ah->domain->users.fetch_sub(1);
    ahs_.remove(ah);
    return {};
}

}  // namespace soft
