// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Describing enumerations: a table of texts by number, and "unknown" for every other number. The
// texts are those that programs print and people search for since libibverbs 1.1.
#pragma once

#include "core/number_of.hpp"

#include <array>
#include <cstddef>

namespace verbs::api {

template <std::size_t Size, class Enum>
const char *describe(const std::array<const char *, Size> &texts, const Enum &value) noexcept {
    const int number = number_of(value);
    const bool is_known = number >= 0 && static_cast<std::size_t>(number) < Size &&
                          texts[static_cast<std::size_t>(number)] != nullptr;
    return is_known ? texts[static_cast<std::size_t>(number)] : "unknown";
}

}  // namespace verbs::api
