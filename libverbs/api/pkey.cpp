// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The partition key table.
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

namespace {

Result<std::uint16_t> entry_of(device::Context &context, std::uint8_t port_num, int index) {
    if (index < 0) return fail(EINVAL, "the pkey index is negative");
    std::uint16_t pkey_be = 0;
    VERBS_CHECK(context.call("query_pkey", context.ops().query_pkey, port_num, index, &pkey_be));
    return pkey_be;
}

}  // namespace

int ibv_query_pkey(ibv_context *context, uint8_t port_num, int index, __be16 *pkey) {
    return api::minus_one([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(pkey, "pkey"));
        VERBS_TRY(found, entry_of(*self, port_num, index));
        *pkey = found;
        return {};
    });
}

int ibv_get_pkey_index(ibv_context *context, uint8_t port_num, __be16 pkey) {
    return api::count([&]() -> Result<int> {
        VERBS_TRY(self, device::Context::of(context));
        ibv_port_attr port{};
        VERBS_CHECK(self->call("query_port", self->ops().query_port, port_num, &port, sizeof port));
        for (int index = 0; index < port.pkey_tbl_len; ++index) {
            VERBS_TRY(found, entry_of(*self, port_num, index));
            if (found == pkey) return index;
        }
        return fail(EINVAL, "the pkey is not in the table of port " + std::to_string(port_num));
    });
}
