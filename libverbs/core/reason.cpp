// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Two lines of text per thread, in plain thread-local memory.
#include "core/reason.hpp"

#include <algorithm>
#include <cstring>

namespace verbs::reason {
namespace {

struct Line {
    char text[kMaxBytes];

    // Gives how much of the phrase fits.
    std::size_t assign(std::string_view phrase) noexcept {
        const std::size_t length = std::min(phrase.size(), kMaxBytes - 1);
        // The phrase may be a piece of this very line (a reason passed on by its address).
        if (length != 0) std::memmove(text, phrase.data(), length);
        text[length] = '\0';
        // One line: a control character from outside must not forge a second one.
        std::replace_if(
            text, text + length, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
        return length;
    }
};

constinit thread_local Line last{};
constinit thread_local Line from_provider{};

}  // namespace

constinit thread_local std::size_t offered_bytes = 0;

const char *text() noexcept {
    return last.text;
}

void set(std::string_view phrase) noexcept {
    last.assign(phrase);
}

void offer(std::string_view phrase) noexcept {
    offered_bytes = from_provider.assign(phrase);
}

std::string_view offered() noexcept {
    return {from_provider.text, offered_bytes};
}

}  // namespace verbs::reason
