// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The private door for compat_sonames and exp: see abi/hooks.h.
#include "abi/hooks.h"

#include "api/boundary.hpp"
#include "api/gid.hpp"
#include "api/handle.hpp"
#include "api/slots.hpp"
#include "core/log.hpp"

using namespace verbs;

namespace {

int query_gid(ibv_context *context, uint32_t port_num, uint32_t index,
              verbs_hooks_gid *gid) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(gid, "gid"));
        if (port_num > UINT8_MAX || index > INT32_MAX)
            return fail(EINVAL, "no such port or GID index");
        VERBS_TRY(entry, api::gid_entry(*self, static_cast<std::uint8_t>(port_num),
                                        static_cast<int>(index)));
        *gid = {entry.gid, entry.type, entry.ifindex};
        return {};
    });
}

void set_reason(const char *text) noexcept {
    reason::set(text != nullptr ? text : "");
}

void log_line(int level, const char *who, const char *text) noexcept {
    if (level <= 0 || level > static_cast<int>(log::Level::debug)) return;
    log::line(static_cast<log::Level>(level), who != nullptr ? who : "",
              text != nullptr ? text : "");
}

constexpr verbs_hooks kHooks = {
    .version = VERBS_HOOKS_VERSION,
    .size = sizeof(verbs_hooks),
    .query_port = &api::query_port_sized,
    .query_gid = &query_gid,
    .set_reason = &set_reason,
    .log = &log_line,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const verbs_hooks *
verbs_private_hooks(uint32_t version) {
    return version == VERBS_HOOKS_VERSION ? &kHooks : nullptr;
}
