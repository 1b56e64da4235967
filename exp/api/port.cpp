// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How fast a port is, beyond what the attributes of a port can say.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_query_port_speed(ibv_context *context, std::uint32_t port_num, std::uint64_t *port_speed) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(port_speed, "port_speed"));
        std::uint64_t speed = 0;
        VERBS_CHECK(half.call("query_port_speed", &verbs_provider_exp_ops::query_port_speed,
                              port_num, &speed));
        *port_speed = speed;
        return {};
    });
}
