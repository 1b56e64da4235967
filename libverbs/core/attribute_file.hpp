// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading one attribute of sysfs: a small file with one line, which may be gone at any moment.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string>

namespace verbs {

inline constexpr std::size_t kMaxAttributeBytes = 4096;  // sysfs gives at most a page

// The text of the file without the line end. The phrase of a failure names the file.
[[nodiscard]] inline Result<std::string> read_attribute(const std::string &file) {
    const auto refused = [&] { return fail(errno, file + ": " + std::strerror(errno)); };
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.is_open()) return refused();
    std::array<char, kMaxAttributeBytes> text;
    ssize_t got = 0;
    do {
        got = ::read(fd.get(), text.data(), text.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return refused();
    std::string value(text.data(), static_cast<std::size_t>(got));
    while (!value.empty() && (value.back() == '\n' || value.back() == ' '))
        value.pop_back();
    return value;
}

}  // namespace verbs
