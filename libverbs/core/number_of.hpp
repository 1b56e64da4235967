// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading enumerations that others have written.
#pragma once

#include <cstring>

namespace verbs {

// The number in an enumeration that came from C or from a plugin. It may be any: C++ does not let
// one beyond the enumeration's range be read as that type.
template <class Enum>
int number_of(const Enum &value) noexcept {
    int number = 0;
    static_assert(sizeof value == sizeof number);
    std::memcpy(&number, &value, sizeof number);
    return number;
}

}  // namespace verbs
