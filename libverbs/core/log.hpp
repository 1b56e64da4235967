// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The log: silent unless VERBS_LOG=error|warn|info|debug asks for it. One write(2) to stderr per
// line, so that lines of threads and processes do not mix. Never touches errno.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace verbs::log {

// The numbers are those of enum verbs_host_log_level in the provider contract.
enum class Level : std::uint8_t { off = 0, error = 1, warn = 2, info = 3, debug = 4 };

// The level that a text names, or nothing when it names none.
[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;

// Whether a line of this level would be written. The environment is read once per process.
[[nodiscard]] bool wants(Level level) noexcept;

// Writes `libverbs: level: who: text`, or nothing when the level is not wanted.
void line(Level level, std::string_view who, std::string_view text) noexcept;

// The same with a format as of printf(3). A line that is too long is cut.
[[gnu::format(printf, 3, 4)]] void format(Level level, const char *who, const char *text,
                                          ...) noexcept;

}  // namespace verbs::log

// Arguments are only evaluated when the line is wanted.
#define VERBS_LOG(level, who, ...)                                                                 \
    do {                                                                                           \
        if (::verbs::log::wants(::verbs::log::Level::level))                                       \
            ::verbs::log::format(::verbs::log::Level::level, who, __VA_ARGS__);                    \
    } while (false)
