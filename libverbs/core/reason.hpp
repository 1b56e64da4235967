// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The text behind verbs_last_error(): one bounded line per thread. Never allocates, never touches
// errno, cuts what is too long.
#pragma once

#include <cstddef>
#include <string_view>

namespace verbs::reason {

inline constexpr std::size_t kMaxBytes = 512;  // with the terminating NUL

// What verbs_last_error() gives to this thread. "" until something failed in it.
[[nodiscard]] const char *text() noexcept;
void set(std::string_view phrase) noexcept;

// What a provider said (verbs_host.set_reason) during the slot call that is running. Kept apart
// from the text above, so that a provider which speaks and then succeeds changes nothing.
void clear_offer() noexcept;
void offer(std::string_view phrase) noexcept;
[[nodiscard]] std::string_view offered() noexcept;

}  // namespace verbs::reason
