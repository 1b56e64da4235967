// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/eth.hpp"

#include "api/boundary.hpp"
#include "api/gid.hpp"
#include "api/handle.hpp"
#include "device/link_address.hpp"

#include <algorithm>

namespace verbs::api {

// The GRH counts whatever is_global says, as in rdma-core.
int resolve_eth(ibv_context *context, const ibv_ah_attr *attr, std::uint8_t *eth_mac,
                std::uint16_t *vid) noexcept {
    return errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(required(attr, "attr"));
        VERBS_TRY(own, gid_entry(*self, attr->port_num, attr->grh.sgid_index));
        if (own.ifindex == 0) return fail(EINVAL, "the own GID has no network interface");
        VERBS_TRY(mac, device::resolve_link_address(own.ifindex, own.gid, attr->grh.dgid));
        if (vid != nullptr) {
            VERBS_TRY(vlan, device::vlan_of(own.ifindex));
            *vid = vlan;
        }
        if (eth_mac != nullptr) std::copy(mac.begin(), mac.end(), eth_mac);
        return {};
    });
}

}  // namespace verbs::api
