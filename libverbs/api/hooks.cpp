// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The private door for compat_sonames and exp: see abi/hooks.h and abi/verbs_table.hpp.
#include "abi/verbs_table.hpp"

#include "api/adopt.hpp"
#include "api/boundary.hpp"
#include "api/eth.hpp"
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

static_assert(sizeof(verbs_hooks_gid_entry) == sizeof(verbs_provider_gid_entry) &&
              offsetof(verbs_hooks_gid_entry, ifindex) ==
                  offsetof(verbs_provider_gid_entry, ifindex));

int query_gid_table(ibv_context *context, verbs_hooks_gid_entry *entries, size_t room,
                    size_t *count) noexcept {
    bool asks_one_by_one = false;  // no failure to tell of: the caller has another way
    const int code = api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(entries, "entries"));
        VERBS_CHECK(api::required(count, "count"));
        std::size_t told = 0;
        const auto done =
            self->call("query_gid_table", self->ops().query_gid_table,
                       reinterpret_cast<verbs_provider_gid_entry *>(entries), room, &told);
        asks_one_by_one = !done && done.error().code == EOPNOTSUPP;
        if (asks_one_by_one) return {};
        VERBS_CHECK(done);
        if (told > room)
            return fail(EIO, "the provider tells more GID entries than there is room for");
        *count = told;
        return {};
    });
    return asks_one_by_one ? EOPNOTSUPP : code;
}

void set_reason(const char *text) noexcept {
    reason::set(text != nullptr ? text : "");
}

void log_line(int level, const char *who, const char *text) noexcept {
    if (level <= 0 || level > static_cast<int>(log::Level::debug)) return;
    log::line(static_cast<log::Level>(level), who != nullptr ? who : "",
              text != nullptr ? text : "");
}

int experimental(ibv_context *context, verbs_hooks_experimental *half) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(half, "half"));
        const auto &provider = self->device().provider();
        const auto &found = provider.experimental();
        if (found.ops == nullptr)
            return fail(EOPNOTSUPP, std::string(provider.name()) + " has no experimental half");
        *half = {self->provider_device(), provider.name(), found.ops, found.size, found.contract};
        return {};
    });
}

int call_provider(ibv_context *context, const char *verb, int (*call)(void *),
                  void *closure) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        if (call == nullptr) return api::is_null("call");
        return self->device().provider().call(verb, call, closure);
    });
}

int adopt_cq(ibv_context *context, ibv_cq *cq, ibv_comp_channel *channel,
             void *cq_context) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(cq, "cq"));
        api::adopt(*self, *cq, channel, cq_context);
        return {};
    });
}

int adopt_qp(ibv_context *context, ibv_qp *qp, ibv_pd *pd, const ibv_qp_init_attr *attr) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_CHECK(api::required(attr, "attr"));
        api::adopt(*self, *qp, pd, *attr);
        return {};
    });
}

int adopt_srq(ibv_context *context, ibv_srq *srq, ibv_pd *pd, void *srq_context) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(srq, "srq"));
        api::adopt(*self, *srq, pd, srq_context);
        return {};
    });
}

constexpr verbs_hooks kHooks = {
    .version = VERBS_HOOKS_VERSION,
    .size = sizeof(verbs_hooks),
    .query_port = &api::query_port_sized,
    .query_gid = &query_gid,
    .set_reason = &set_reason,
    .log = &log_line,
    .experimental = &experimental,
    .call_provider = &call_provider,
    .adopt_cq = &adopt_cq,
    .adopt_qp = &adopt_qp,
    .adopt_srq = &adopt_srq,
    .query_device = &api::query_device_sized,
    .query_gid_table = &query_gid_table,
    .resolve_eth = &api::resolve_eth,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const verbs_hooks *
verbs_private_hooks(uint32_t version) {
    return version == VERBS_HOOKS_VERSION ? &kHooks : nullptr;
}

#define VERBS_TABLE_ADDRESS(name) &name,
const verbs_table verbs_private_table_1 = {&kHooks, VERBS_EACH_FORWARDED(VERBS_TABLE_ADDRESS)};
