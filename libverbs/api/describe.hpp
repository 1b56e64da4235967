// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Describing enumerations: a table of texts by number, and "unknown" for every other number. The
// texts are those that programs print and people search for since libibverbs 1.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>

namespace verbs::api {

// The number in an enumeration that came from C or from a plugin. It may be any: C++ does not let
// one beyond the enumeration's range be read as that type.
template <class Enum>
int number_of(const Enum &value) noexcept {
    int number = 0;
    static_assert(sizeof value == sizeof number);
    std::memcpy(&number, &value, sizeof number);
    return number;
}

template <std::size_t Size, class Enum>
const char *describe(const std::array<const char *, Size> &texts, const Enum &value) noexcept {
    const int number = number_of(value);
    const bool is_known = number >= 0 && static_cast<std::size_t>(number) < Size &&
                          texts[static_cast<std::size_t>(number)] != nullptr;
    return is_known ? texts[static_cast<std::size_t>(number)] : "unknown";
}

}  // namespace verbs::api
