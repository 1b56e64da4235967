// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging what the older commands answer: they have no way to say that nothing was written, so
// callers fill in kNoHandle first.
#pragma once

#include "uverbs/failure.hpp"

#include <climits>
#include <cstdint>

namespace verbs::uverbs {

inline constexpr std::uint32_t kNoHandle = UINT32_MAX;

[[nodiscard]] inline Result<void> judge_handle(const char *verb, std::uint32_t handle) {
    if (handle > INT_MAX) return odd_answer(verb, "no handle for what was created");
    return {};
}

}  // namespace verbs::uverbs
