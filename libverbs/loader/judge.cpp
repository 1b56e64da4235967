// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The rules in their order, then the required and the optional slots as two lists.
#include "loader/judge.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace verbs::loader {
namespace {

// How long the tables were in each contract version. Pinned: a plugin of that version has these.
struct Sizes {
    std::uint32_t table;
    std::uint32_t ops;
};
constexpr std::array<Sizes, VERBS_PROVIDER_CONTRACT + 1> kSizes = {{
    {0, 0}, {56, 272}, {56, 288},  // none, contract 1, contract 2
}};
static_assert(sizeof(verbs_provider) >= kSizes[VERBS_PROVIDER_CONTRACT].table);
static_assert(sizeof(verbs_provider_ops) >= kSizes[VERBS_PROVIDER_CONTRACT].ops);

// No table of this kind will ever be longer. A plugin that says so is broken.
constexpr std::uint32_t kMaxTable = 64 * 1024;

std::string number(std::uint32_t value) {
    return std::to_string(value);
}

std::string known_contracts() {
    return "this library knows " + number(VERBS_PROVIDER_CONTRACT_OLDEST) + " to " +
           number(VERBS_PROVIDER_CONTRACT);
}

Result<void> judge_magic(const verbs_provider &provider) {
    if (provider.magic == VERBS_PROVIDER_MAGIC) return {};
    char found[32];
    std::snprintf(found, sizeof found, "0x%016llx",
                  static_cast<unsigned long long>(provider.magic));
    return fail(ELIBBAD, std::string("L2: the magic number is ") + found);
}

Result<void> judge_contract(const verbs_provider &provider, const Manifest &manifest) {
    if (provider.contract < VERBS_PROVIDER_CONTRACT_OLDEST ||
        provider.contract > VERBS_PROVIDER_CONTRACT)
        return fail(EPROTONOSUPPORT, "L3: the plugin has contract " + number(provider.contract) +
                                         ", " + known_contracts());
    if (provider.contract < manifest.contract_oldest ||
        provider.contract > manifest.contract_newest)
        return fail(ELIBBAD, "L3: the plugin has contract " + number(provider.contract) +
                                 ", its manifest says " + number(manifest.contract_oldest) +
                                 " to " + number(manifest.contract_newest));
    return {};
}

Result<void> judge_sizes(const verbs_provider &provider, std::size_t symbol_size) {
    const Sizes &least = kSizes[provider.contract];
    if (provider.size < least.table || provider.size > kMaxTable ||
        (symbol_size != 0 && provider.size > symbol_size))
        return fail(ELIBBAD, "L4: the table claims " + number(provider.size) +
                                 " bytes, its contract has " + number(least.table));
    if (provider.ops == nullptr || provider.ops_size < least.ops || provider.ops_size > kMaxTable ||
        provider.ops_size % sizeof(void *) != 0)
        return fail(ELIBBAD, "L4: the slots claim " + number(provider.ops_size) +
                                 " bytes, their contract has " + number(least.ops));
    return {};
}

Result<void> judge_name(const verbs_provider &provider, const Manifest &manifest) {
    // The plugin's text is looked at no further than the manifest's is long.
    const auto length = manifest.name.size();
    if (provider.name != nullptr && ::strnlen(provider.name, length + 1) == length &&
        manifest.name == provider.name)
        return {};
    return fail(ELIBBAD, "L5: the plugin's name is not " + manifest.name);
}

template <class Slot>
struct Refusing;

template <class... A>
struct Refusing<int (*)(A...)> {
    static int call(A... /*unused*/) noexcept { return EOPNOTSUPP; }
};

void leave_event_alone(ibv_cq * /*cq*/) noexcept {}

Result<void> judge_required(const verbs_provider_ops &ops, const Manifest &manifest) {
#define VERBS_REQUIRED(slot)                                                                       \
    if (ops.slot == nullptr) return fail(ELIBBAD, "L6: the required slot " #slot " is empty")
    VERBS_REQUIRED(start);
    VERBS_REQUIRED(open_device);
    VERBS_REQUIRED(close_device);
    VERBS_REQUIRED(query_device);
    VERBS_REQUIRED(query_port);
    VERBS_REQUIRED(alloc_pd);
    VERBS_REQUIRED(dealloc_pd);
    VERBS_REQUIRED(reg_mr);
    VERBS_REQUIRED(dereg_mr);
    VERBS_REQUIRED(create_cq);
    VERBS_REQUIRED(destroy_cq);
    VERBS_REQUIRED(create_qp);
    VERBS_REQUIRED(modify_qp);
    VERBS_REQUIRED(destroy_qp);
    if (manifest.enumerates) VERBS_REQUIRED(enumerate);
#undef VERBS_REQUIRED
    return {};
}

void fill_optional(verbs_provider_ops &ops) {
#define VERBS_OPTIONAL(slot)                                                                       \
    if (ops.slot == nullptr) ops.slot = &Refusing<decltype(ops.slot)>::call
    VERBS_OPTIONAL(query_gid);
    VERBS_OPTIONAL(query_pkey);
    VERBS_OPTIONAL(rereg_mr);
    VERBS_OPTIONAL(alloc_mw);
    VERBS_OPTIONAL(bind_mw);
    VERBS_OPTIONAL(dealloc_mw);
    VERBS_OPTIONAL(create_comp_channel);
    VERBS_OPTIONAL(destroy_comp_channel);
    VERBS_OPTIONAL(resize_cq);
    VERBS_OPTIONAL(create_srq);
    VERBS_OPTIONAL(modify_srq);
    VERBS_OPTIONAL(query_srq);
    VERBS_OPTIONAL(destroy_srq);
    VERBS_OPTIONAL(query_qp);
    VERBS_OPTIONAL(create_ah);
    VERBS_OPTIONAL(destroy_ah);
    VERBS_OPTIONAL(attach_mcast);
    VERBS_OPTIONAL(detach_mcast);
    VERBS_OPTIONAL(query_gid_table);
#undef VERBS_OPTIONAL
    // query_device_ex stays empty: query_device stands in for it.
    if (ops.cq_event == nullptr) ops.cq_event = &leave_event_alone;
}

}  // namespace

Result<void> judge_range(const Manifest &manifest) {
    if (manifest.contract_oldest <= VERBS_PROVIDER_CONTRACT &&
        manifest.contract_newest >= VERBS_PROVIDER_CONTRACT_OLDEST)
        return {};
    return fail(EPROTONOSUPPORT, "L3: the manifest wants contract " +
                                     number(manifest.contract_oldest) + " to " +
                                     number(manifest.contract_newest) + ", " + known_contracts());
}

Result<verbs_provider_ops> judge_table(const Table &table, const Manifest &manifest) {
    const verbs_provider &provider = *table.provider;
    // What stands before the magic is proven must lie inside the symbol.
    if (table.symbol_size != 0 && table.symbol_size < kSizes[VERBS_PROVIDER_CONTRACT_OLDEST].table)
        return fail(ELIBBAD, "L4: the symbol verbs_provider has " +
                                 std::to_string(table.symbol_size) + " bytes");
    VERBS_CHECK(judge_magic(provider));
    VERBS_CHECK(judge_contract(provider, manifest));
    VERBS_CHECK(judge_sizes(provider, table.symbol_size));
    VERBS_CHECK(judge_name(provider, manifest));
    verbs_provider_ops ops{};
    std::memcpy(&ops, provider.ops, std::min<std::size_t>(provider.ops_size, sizeof ops));
    VERBS_CHECK(judge_required(ops, manifest));
    fill_optional(ops);
    return ops;
}

Result<ExperimentalHalf> judge_experimental(const verbs_provider &provider) {
    if (provider.exp_ops == nullptr && provider.exp_contract == 0) return ExperimentalHalf{};
    if (provider.exp_ops == nullptr || provider.exp_contract == 0 || provider.exp_ops_size == 0 ||
        provider.exp_ops_size > kMaxTable || provider.exp_ops_size % sizeof(void *) != 0)
        return fail(ELIBBAD, "L8: the experimental slots claim contract " +
                                 number(provider.exp_contract) + " and " +
                                 number(provider.exp_ops_size) + " bytes");
    return ExperimentalHalf{provider.exp_ops, provider.exp_ops_size, provider.exp_contract};
}

}  // namespace verbs::loader
