// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A look at an ELF file before it is handed to dlopen, which maps what the headers promise without
// comparing it with the file: a plugin cut short by a full disk would kill the program (SIGBUS).
#pragma once

#include "core/result.hpp"

#include <filesystem>

namespace verbs::loader {

// Refuses a file that is no shared object of this machine's kind, or shorter than it claims.
[[nodiscard]] Result<void> check_elf_is_whole(const std::filesystem::path &file);

}  // namespace verbs::loader
