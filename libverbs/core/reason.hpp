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

// How long the text below is. In static thread-local memory, of which a library that is loaded late
// may have a little: every slot call clears it.
extern constinit thread_local std::size_t offered_bytes
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

// What a provider said (verbs_host.set_reason) during the slot call that is running. Kept apart
// from the text above, so that a provider which speaks and then succeeds changes nothing.
inline void clear_offer() noexcept {
    offered_bytes = 0;
}
void offer(std::string_view phrase) noexcept;
[[nodiscard]] std::string_view offered() noexcept;

}  // namespace verbs::reason
