// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What is asked of ports by a symbol.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

// Whoever calls it instead of the inline of later headers has an ibv_port_attr of 48 bytes, maybe
// in an array. It never writes more.
VERBS_SYMVER(ibv_query_port, "@@IBVERBS_1.1");
int compat_ibv_query_port(ibv_context *context, uint8_t port_num, ibv_port_attr *attr) {
    const verbs_hooks *table = hooks();
    if (!table) return refuse_other_release();
    const int code = table->query_port(context, port_num, attr, kOldPortAttrSize);
    if (code) errno = code;
    return code;
}

VERBS_SYMVER(ibv_query_port_speed, "@@IBVERBS_1.16");
int compat_ibv_query_port_speed(ibv_context *context, uint32_t port_num, uint64_t *port_speed) {
    if (auto *query = VERBS_EXPERIMENTAL(ibv_query_port_speed))
        return query(context, port_num, port_speed);
    return refuse("ibv_query_port_speed: the device tells its speed by ibv_query_port alone");
}
