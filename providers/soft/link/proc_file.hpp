// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Reading what the kernel says in /proc.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace soft {

// All of the file's text.
verbs::Result<std::string> read_proc_file(const char *path);

// The first line, without its end; `text` is what follows.
[[nodiscard]] std::string_view take_line(std::string_view &text) noexcept;

// A line of /proc/self/maps. Without a file the path is empty.
struct MappingLine {
    uint64_t start = 0;
    uint64_t end = 0;
    char rights[5] = {};  // as in "rw-s"
    uint64_t offset = 0;
    uint64_t device = 0;
    uint64_t inode = 0;
    std::string path;
};
// False: not in the form that it has.
[[nodiscard]] bool read_mapping(std::string_view line, MappingLine &mapping);

}  // namespace soft
