// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "experimental.hpp"

#include "refuse.hpp"

#include <abi/verbs_table.hpp>
#include <dlfcn.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace verbs::compat {
namespace {

constexpr const char *kLibrary = "libverbs-exp.so.0";
constexpr const char *kNode = "VERBS_EXP_0";
constexpr const char *kPrivateNode = "VERBS_EXP_PRIVATE";
constexpr std::uint32_t kFillVersion = 1;
// The slot of ibv_query_device_ex, in bytes before the context. It is never empty.
constexpr std::size_t kSlotQueryDeviceEx = 104;

struct Experimental {
    void *library;
    int (*fill)(std::uint32_t version, ibv_context *context);
};

// Kept for the life of the process: contexts and objects point into it.
Experimental find() noexcept {
    void *library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return {};
    // One that stands on another copy of libverbs knows none of our devices: it is not there for
    // us.
    const auto their_hooks = reinterpret_cast<decltype(&verbs_private_hooks)>(
        ::dlvsym(library, "verbs_private_hooks", "VERBS_PRIVATE"));
    if (their_hooks != nullptr && their_hooks(VERBS_HOOKS_VERSION) != verbs_private_table_1.hooks)
        return {};
    auto *fill = reinterpret_cast<decltype(Experimental::fill)>(
        ::dlvsym(library, "verbs_exp_private_fill", kPrivateNode));
    return {library, fill};
}

const Experimental &experimental() noexcept {
    static const Experimental found = find();
    return found;
}

}  // namespace

void fill_experimental(ibv_context *context) noexcept {
    const int before = errno;
    if (experimental().fill != nullptr) experimental().fill(kFillVersion, context);
    errno = before;
}

void tell_experimental(ibv_context *context, ibv_device_attr &attr) noexcept {
    if (experimental().fill == nullptr) return;
    using Query = int(ibv_context *, const void *input, void *attr, std::size_t size);
    Query *query = nullptr;
    std::memcpy(&query, reinterpret_cast<const char *>(context) - kSlotQueryDeviceEx, sizeof query);
    const int before = errno;
    ibv_device_attr known{};
    if (query(context, nullptr, &known, sizeof known) == 0)
        attr.device_cap_flags = known.device_cap_flags;
    errno = before;
}

void *find_experimental(const char *name) noexcept {
    const int before = errno;
    void *library = experimental().library;
    void *function = library != nullptr ? ::dlvsym(library, name, kNode) : nullptr;
    errno = before;
    return function;
}

}  // namespace verbs::compat
