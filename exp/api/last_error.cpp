// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The text behind the error number: kept and logged by libverbs, whose verbs_last_error() tells it.
#include "api/boundary.hpp"
#include "half.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

int verbs::api::boundary::settle_failure(int code, std::string_view phrase) noexcept {
    // Short enough for the stack: this runs when memory may have run out.
    char text[512];
    const auto length = std::min(phrase.size(), sizeof text - 1);
    std::memcpy(text, phrase.data(), length);
    text[length] = '\0';
    const verbs_hooks *table = exp::hooks();
    // What libverbs has refused it has logged.
    if (table != nullptr && std::strcmp(text, verbs_last_error()) != 0) {
        table->set_reason(text);
        if (code != EAGAIN) table->log(VERBS_HOST_LOG_INFO, "exp", text);
    }
    errno = code;
    return code;
}
