// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging a plugin's table by the rules L2..L6 of <verbs/provider.h>, before anything in it is
// called, and completing it: a slot that the plugin lacks is answered with EOPNOTSUPP.
#pragma once

#include "core/result.hpp"
#include "loader/library.hpp"
#include "loader/manifest.hpp"

#include <verbs/provider.h>

#include <cstdint>

namespace verbs::loader {

// Refuses a manifest whose contract range this library does not meet (L3), before its library is
// opened.
[[nodiscard]] Result<void> judge_range(const Manifest &manifest);

// The plugin's slots, complete, or the rule that it breaks.
[[nodiscard]] Result<verbs_provider_ops> judge_table(const Table &table, const Manifest &manifest);

// The experimental half of a plugin. This library does not look into it: whoever does knows the
// contract's number.
struct ExperimentalHalf {
    const void *ops = nullptr;  // nullptr: there is none
    std::uint32_t size = 0;
    std::uint32_t contract = 0;
};

// The plugin's experimental half, none where it has none, or why it is not believed. Only for a
// table that judge_table has passed.
[[nodiscard]] Result<ExperimentalHalf> judge_experimental(const verbs_provider &provider);

}  // namespace verbs::loader
