// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging a plugin's table by the rules L2..L6 of <verbs/provider.h>, before anything in it is
// called, and completing it: a slot that the plugin lacks is answered with EOPNOTSUPP.
#pragma once

#include "core/result.hpp"
#include "loader/library.hpp"
#include "loader/manifest.hpp"

#include <verbs/provider.h>

namespace verbs::loader {

// Refuses a manifest whose contract range this library does not meet (L3), before its library is
// opened.
[[nodiscard]] Result<void> judge_range(const Manifest &manifest);

// The plugin's slots, complete, or the rule that it breaks.
[[nodiscard]] Result<verbs_provider_ops> judge_table(const Table &table, const Manifest &manifest);

}  // namespace verbs::loader
