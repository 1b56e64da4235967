// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory that peers can map: the fastest way to it is then a store or a load of their own.
//
// A region qualifies when all of it is a shared mapping of one memfd, which is open in this process
// and sealed against shrinking. The seal is the program's deliberate act, and what keeps a peer
// that maps the file from faulting when the file gets shorter.
#pragma once

#include "core/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace soft {

struct FilePlace {
    uint32_t file = 0;  // a number that the process gave; 0: memory that is its alone
    uint64_t offset = 0;
};

// The shared mapping that holds all of a range, as /proc/self/maps tells it.
struct SharedMapping {
    bool exists = false;
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t offset = 0;  // of the range in the file
};

// `maps` is the text of /proc/PID/maps.
[[nodiscard]] SharedMapping find_shared_mapping(std::string_view maps, uint64_t address,
                                                uint64_t length);

class SharedFiles {
public:
    SharedFiles();

    // Finds out about a range that is being registered. Private memory costs one system call.
    [[nodiscard]] FilePlace find(const void *address, std::size_t length);
    // The descriptor of a file that find() has named; -1 there is none.
    [[nodiscard]] int descriptor(uint32_t file) const noexcept;

private:
    struct File {
        uint64_t device;
        uint64_t inode;
        verbs::UniqueFd fd;
    };
    [[nodiscard]] bool is_surely_private(const void *address) const noexcept;
    [[nodiscard]] uint32_t number_of(const SharedMapping &mapping);

    std::unique_ptr<std::mutex> mutex_;
    verbs::UniqueFd pagemap_;
    std::vector<File> files_;  // number 1 first
};

}  // namespace soft
