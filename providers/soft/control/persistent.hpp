// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether what is written to memory can be made to outlast a loss of power, by msync().
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>

namespace soft {

// EINVAL unless all of the range is in shared mappings of ordinary files, which are still there, on
// file systems that do not keep their files in memory. An overlay does not say on what it lies, and
// counts as one that does.
verbs::Result<void> judge_persistent(const void *addr, std::size_t length);

// The same by a list of mappings in the form of /proc/self/maps.
verbs::Result<void> judge_persistent(const std::string &maps, const void *addr, std::size_t length);

}  // namespace soft
