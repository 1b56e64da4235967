// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Exports: which open contexts, protection domains and device memory other contexts of the same
// process can import. Objects of one process have numbers in common, and those of another process
// never mean anything here: its regions are in a table of its own.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace soft {

class Exports {
public:
    // The file behind a descriptor.
    using File = std::pair<dev_t, ino_t>;
    [[nodiscard]] static verbs::Result<File> file_of(int fd);

    // `device` is the same for all contexts of a device.
    void add_context(const File &file, int device);
    void remove_context(const File &file, int device) noexcept;
    [[nodiscard]] bool has_context(const File &file, int device) const noexcept;

    void add_pd(uint32_t number, int device);
    void remove_pd(uint32_t number) noexcept;
    [[nodiscard]] bool has_pd(uint32_t number, int device) const noexcept;

    struct Dm {
        verbs::UniqueFd file;
        std::size_t bytes;
    };
    // Gives the handle. `file` stays the caller's.
    [[nodiscard]] uint32_t add_dm(int file, std::size_t bytes, int device);
    void remove_dm(uint32_t handle) noexcept;
    // With a descriptor of its own.
    [[nodiscard]] verbs::Result<Dm> find_dm(uint32_t handle, int device) const;

private:
    struct DmPlace {
        int file;
        std::size_t bytes;
        int device;
    };
    mutable std::mutex mutex_;  // leaf
    std::multiset<std::pair<File, int>> contexts_;
    std::map<uint32_t, int> pds_;
    std::map<uint32_t, DmPlace> dms_;
    uint32_t last_dm_ = 0;
};

}  // namespace soft
