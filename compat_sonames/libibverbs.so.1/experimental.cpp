// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "experimental.hpp"

#include "refuse.hpp"

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

void *find_experimental(const char *name) noexcept {
    const int before = errno;
    void *library = experimental().library;
    void *function = library != nullptr ? ::dlvsym(library, name, kNode) : nullptr;
    errno = before;
    return function;
}

}  // namespace verbs::compat
