// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Ports. The structure has grown through the years, so the work is done for a size.
#include "api/boundary.hpp"
#include "api/describe.hpp"
#include "api/handle.hpp"
#include "api/slots.hpp"

#include <algorithm>
#include <cstring>

using namespace verbs;

namespace {

constexpr std::size_t kOldestSize = 48;
static_assert(sizeof(ibv_port_attr) == 52);

constexpr std::array<const char *, IBV_PORT_ACTIVE_DEFER + 1> kStates = {
    "no state change (NOP)", "down", "init", "armed", "active", "active defer",
};

Result<void> query(ibv_context *context, std::uint8_t port_num, void *attr, std::size_t size) {
    VERBS_TRY(self, device::Context::of(context));
    VERBS_CHECK(api::required(attr, "port_attr"));
    ibv_port_attr known{};
    VERBS_CHECK(self->call("query_port", self->ops().query_port, port_num, &known, sizeof known));
    // A caller from the future gets zeros for what this library does not know.
    std::memset(attr, 0, size);
    std::memcpy(attr, &known, std::min(size, sizeof known));
    return {};
}

}  // namespace

int ibv_query_port(ibv_context *context, uint8_t port_num, ibv_port_attr *port_attr) {
    return api::query_port_sized(context, port_num, port_attr, sizeof(ibv_port_attr));
}

const char *ibv_port_state_str(enum ibv_port_state port_state) {
    return api::describe(kStates, port_state);
}

namespace verbs::api {

int query_port_sized(ibv_context *context, uint8_t port_num, ibv_port_attr *attr,
                     std::size_t size) noexcept {
    return errno_value([&] { return query(context, port_num, attr, size); });
}

int query_port_48(ibv_context *context, uint8_t port_num, _compat_ibv_port_attr *attr) noexcept {
    return errno_value([&] { return query(context, port_num, attr, kOldestSize); });
}

}  // namespace verbs::api
