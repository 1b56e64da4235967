// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/environment.hpp"

#include <sys/auxv.h>

#include <cstdlib>

namespace verbs::environment {

const char *get(const char *name) noexcept {
    return ::secure_getenv(name);
}

bool is_privileged() noexcept {
    return ::getauxval(AT_SECURE) != 0;
}

std::vector<std::string> split(std::string_view list, char separator) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        const auto end = list.find(separator);
        const auto part = list.substr(0, end);
        if (!part.empty()) parts.emplace_back(part);
        if (end == std::string_view::npos) break;
        list.remove_prefix(end + 1);
    }
    return parts;
}

}  // namespace verbs::environment
