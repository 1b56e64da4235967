// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a public function asks of its arguments, and of what a provider made, that needs no more of
// the library than the public structs: experimental verbs ask the same.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <string>

namespace verbs::api {

// Out of line, as every failure (core/result.hpp).
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure is_null(const char *name) {
    return fail(EINVAL, std::string(name) + " is NULL");
}
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure is_of_another_device(const char *name) {
    return fail(EINVAL, std::string(name) + " belongs to another open device");
}
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure is_missing(const char *name) {
    return fail(EIO, std::string("the provider made no ") + name + " and reported success");
}

// Refuses a NULL argument by its name.
[[nodiscard, gnu::always_inline]] inline Result<void> required(const void *argument,
                                                               const char *name) {
    if (argument == nullptr) return is_null(name);
    return {};
}

// Refuses an object that hangs below another context. An absent one is fine.
template <class Object>
[[nodiscard, gnu::always_inline]] inline Result<void>
same_device(const ibv_context *context, const Object *object, const char *name) {
    if (object != nullptr && object->context != context) return is_of_another_device(name);
    return {};
}

// Refuses a success that brought nothing.
template <class Object>
[[nodiscard, gnu::always_inline]] inline Result<void> delivered(const Object *object,
                                                                const char *name) {
    if (object == nullptr) return is_missing(name);
    return {};
}

// Refuses access flags that are not in `known`, and those that let peers change what this side may
// not.
[[nodiscard]] inline Result<void> check_access(unsigned access, unsigned known) {
    if ((access & ~known) != 0) return fail(EINVAL, "unknown access flags");
    const bool changes_memory =
        (access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0;
    if (changes_memory && (access & IBV_ACCESS_LOCAL_WRITE) == 0)
        return fail(EINVAL, "remote write and atomic access need local write access");
    return {};
}

}  // namespace verbs::api
