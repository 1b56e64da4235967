// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "experimental.hpp"

#include "refuse.hpp"

#include <abi/verbs_table.hpp>
#include <dlfcn.h>

#include <cerrno>
#include <cstdint>

namespace verbs::compat {
namespace {

constexpr const char *kLibrary = "libverbs-exp.so.0";
constexpr const char *kNode = "VERBS_EXP_0";
constexpr const char *kPrivateNode = "VERBS_EXP_PRIVATE";
constexpr std::uint32_t kFillVersion = 1;

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

SizedQuery *experimental_query() noexcept {
    static SizedQuery *const query = [] {
        const verbs_hooks *table = experimental().fill != nullptr ? hooks() : nullptr;
        return table != nullptr ? table->query_device : nullptr;
    }();
    return query;
}

void *find_experimental(const char *name) noexcept {
    const int before = errno;
    void *library = experimental().library;
    void *function = library != nullptr ? ::dlvsym(library, name, kNode) : nullptr;
    errno = before;
    return function;
}

}  // namespace verbs::compat
