// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a refusal of the kernel means, in words, and which refusals of a destruction are none.
#pragma once

#include "core/result.hpp"

#include <cerrno>
#include <string>

namespace verbs::uverbs {

// The error for a command that ended with this errno value. Numbers that only the command layer
// understands (ENOTTY, EPROTONOSUPPORT) become EOPNOTSUPP.
[[nodiscard, gnu::cold]] Failure refused(const char *verb, int code);

// What ENOMEM of the kernel usually means: the limit of locked memory, and what raises it. "" where
// there is no limit.
[[nodiscard]] std::string memlock_advice();

// The error for an answer that no kernel gives: EPROTO.
[[nodiscard, gnu::cold]] Failure odd_answer(const char *verb, const char *what);

// Whether the kernel lacks this way of giving the command, so that an older one is to be tried.
[[nodiscard]] inline bool is_unknown_method(int code) noexcept {
    return code == ENOTTY || code == EPROTONOSUPPORT;
}

// Of a removed device the kernel has destroyed all objects and answers EIO: what was to be
// destroyed is gone.
[[nodiscard]] inline bool is_destroyed(int code) noexcept {
    return code == EIO;
}

}  // namespace verbs::uverbs
