// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Creating by the older commands: the same for all kinds of objects. Their answers have no way to
// say that nothing was written, so a handle that cannot be is put there first.
#pragma once

#include "uverbs/context.hpp"
#include "uverbs/failure.hpp"

#include <climits>
#include <cstdint>

namespace verbs::uverbs {

inline constexpr std::uint32_t kNoHandle = UINT32_MAX;

[[nodiscard]] inline Result<void> judge_handle(const char *verb, std::uint32_t handle) {
    if (handle > INT_MAX) return odd_answer(verb, "no handle for what was created");
    return {};
}

// Runs a command that makes an object; `handle` is in the struct that the command is answered with.
[[nodiscard]] Result<void> create(const Context &context, const char *verb, std::uint32_t &handle,
                                  const WriteCommand &command);

}  // namespace verbs::uverbs
