// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether memory that a program registers is there, and may be used as the program says. A device
// would pin the pages and find out.
#pragma once

#include "core/result.hpp"

#include <cstddef>

namespace soft {

// EFAULT unless all of the range is mapped and may be read; or written, if `is_written`. Contents
// stay as they are. Of short ranges the pages are there afterwards, of long ones none that were not
// there before.
verbs::Result<void> judge_mapped(const void *addr, std::size_t length, bool is_written);

// The two ways in which it finds out: by letting the kernel touch the pages, which needs Linux 5.14
// (ENOSYS before), and by reading the list of mappings.
enum class LookFor { reading, writing };
int touch_pages(const void *addr, std::size_t length, LookFor use) noexcept;
int look_up_mappings(const void *addr, std::size_t length, LookFor use) noexcept;

}  // namespace soft
