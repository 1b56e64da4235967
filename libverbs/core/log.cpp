// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Lines are composed in a buffer on the stack and leave in one piece.
#include "core/log.hpp"

#include "core/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace verbs::log {
namespace {

constexpr std::size_t kMaxLine = 1024;  // below PIPE_BUF: a write to a pipe is not torn either
constexpr std::array<std::string_view, 5> kNames = {"off", "error", "warn", "info", "debug"};

Level level_of_process() noexcept {
    static const Level level = [] {
        const char *wish = environment::get("VERBS_LOG");
        return wish == nullptr ? Level::off : parse_level(wish).value_or(Level::off);
    }();
    return level;
}

// Appends what fits; control characters become blanks, so that one call is one line.
std::size_t append(char *line, std::size_t used, std::string_view text) noexcept {
    const auto length = std::min(text.size(), kMaxLine - 1 - used);
    std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length), line + used,
                   [](unsigned char c) { return static_cast<char>(c < 0x20 ? ' ' : c); });
    return used + length;
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) noexcept {
    const auto name = std::find(kNames.begin(), kNames.end(), text);
    if (name == kNames.end()) return std::nullopt;
    return static_cast<Level>(name - kNames.begin());
}

bool wants(Level level) noexcept {
    return level != Level::off && level <= level_of_process();
}

void line(Level level, std::string_view who, std::string_view text) noexcept {
    if (!wants(level)) return;
    const int saved = errno;
    char buffer[kMaxLine];
    std::size_t used = append(buffer, 0, "libverbs: ");
    used = append(buffer, used, kNames[static_cast<std::size_t>(level)]);
    used = append(buffer, used, ": ");
    used = append(buffer, used, who);
    used = append(buffer, used, ": ");
    used = append(buffer, used, text);
    buffer[used++] = '\n';
    // A log that cannot be written is no reason to fail: the result is looked at, and dropped.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, buffer, used);
    errno = saved;
}

void format(Level level, const char *who, const char *text, ...) noexcept {
    const int saved = errno;
    char buffer[kMaxLine];
    std::va_list arguments;
    va_start(arguments, text);
    if (std::vsnprintf(buffer, sizeof buffer, text, arguments) >= 0) line(level, who, buffer);
    va_end(arguments);
    errno = saved;
}

}  // namespace verbs::log
