// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The GID table.
#include "api/gid.hpp"

#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

int ibv_query_gid(ibv_context *context, uint8_t port_num, int index, union ibv_gid *gid) {
    return api::minus_one([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(gid, "gid"));
        auto entry = api::gid_entry(*self, port_num, index);
        // Programs read whole tables and give up at the first failure: an empty entry is zeros.
        if (!entry && entry.error().code == ENODATA) entry = verbs_provider_gid{};
        if (!entry) return Failure(std::move(entry.error()));
        *gid = entry->gid;
        return {};
    });
}

namespace verbs::api {

Result<verbs_provider_gid> gid_entry(device::Context &context, std::uint8_t port_num, int index) {
    if (index < 0) return fail(EINVAL, "the GID index is negative");
    verbs_provider_gid entry{};
    VERBS_CHECK(context.call("query_gid", context.ops().query_gid, port_num, index, &entry));
    return entry;
}

}  // namespace verbs::api
