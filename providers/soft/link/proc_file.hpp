// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading what the kernel says in /proc.
#pragma once

#include "core/result.hpp"

#include <string>

namespace soft {

// All of the file's text.
verbs::Result<std::string> read_proc_file(const char *path);

}  // namespace soft
