// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The link address behind a GID, as libverbs asks the kernel for it.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_resolve_eth_l2_from_gid(ibv_context *context, ibv_ah_attr *attr,
                                uint8_t eth_mac[ETHERNET_LL_SIZE], uint16_t *vid) {
    return api::errno_value([&]() -> Result<void> {
        if (exp::hooks() == nullptr)
            return fail(ENOSYS, "libverbs-exp and libverbs are of different releases");
        return exp::settled(exp::hooks()->resolve_eth(context, attr, eth_mac, vid));
    });
}
