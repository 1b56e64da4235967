// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a process uses, as the kernel counts it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bench {

struct MemoryUse {
    int64_t rss;  // bytes
    int64_t pss;  // bytes; a page that n processes share counts as an n-th
};

inline MemoryUse memory_use() {
    MemoryUse use{};
    std::ifstream file("/proc/self/smaps_rollup");
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        const std::string name = line.substr(0, colon);
        if (name == "Rss") use.rss = std::stoll(line.substr(colon + 1)) * 1024;
        if (name == "Pss") use.pss = std::stoll(line.substr(colon + 1)) * 1024;
    }
    return use;
}

inline int64_t open_descriptors() {
    std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files)) - 1;  // one is the directory itself
}

inline int64_t mappings() {
    std::ifstream file("/proc/self/maps");
    int64_t lines = 0;
    for (std::string line; std::getline(file, line);)
        ++lines;
    return lines;
}

}  // namespace bench
