// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The environment as this library may see it: nothing at all in a privileged (setuid) process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace verbs::environment {

// The value, or NULL when unset or when the process is privileged.
[[nodiscard]] const char *get(const char *name) noexcept;

// Whether the process runs with rights that its caller does not have (AT_SECURE).
[[nodiscard]] bool is_privileged() noexcept;

// The parts of a list such as "a:b", in order, without empty ones.
[[nodiscard]] std::vector<std::string> split(std::string_view list, char separator);

}  // namespace verbs::environment
