// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory for programs that peers can map: pieces of a few sealed files, so that peers have few
// files to map however often a program allocates and frees.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace soft {

class SharedArena {
public:
    static constexpr std::size_t kFileBytes = std::size_t{64}
                                              << 20;  // of a file, or more for one piece

    // `size` zero bytes at a page boundary. Any thread.
    verbs::Result<void *> take(std::size_t size);
    // The reverse, with the same size: the pages go back to the system, the place to who asks next.
    void give(void *start, std::size_t size) noexcept;

private:
    // Lengths by offsets; no two ranges touch.
    using Ranges = std::map<std::size_t, std::size_t>;
    struct File {
        verbs::UniqueFd fd;
        verbs::Mapping memory;
        Ranges unused;
    };
    static void *take_from(File &file, std::size_t bytes);
    static void insert(Ranges &ranges, std::size_t offset, std::size_t bytes);
    // Whole pages of at least `size` bytes.
    static verbs::Result<std::size_t> whole_pages(std::size_t size);

    std::mutex mutex_;
    std::vector<std::unique_ptr<File>> files_;
};

}  // namespace soft
