// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A peer's shared files, mapped here as they are needed. Looking one up is hot: no lock.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "core/result.hpp"
#include "link/layout.hpp"

#include <array>
#include <atomic>
#include <memory>

namespace soft {

class PeerFiles {
public:
    // `length` bytes at `offset` of a file, or nullptr: it is not mapped (yet), or has no such
    // place.
    [[nodiscard]] uint8_t *find(uint32_t file, uint64_t offset, uint64_t length) const noexcept {
        if (file == 0 || file >= kMostFiles) return nullptr;
        const Mapped *mapped = files_[file].load(std::memory_order_acquire);
        if (mapped == nullptr) return nullptr;
        const uint64_t size = mapped->memory.size();
        if (offset > size || length > size - offset) return nullptr;
        return static_cast<uint8_t *>(mapped->memory.data()) + offset;
    }
    // True for the first who needs the file: it has to be asked for.
    [[nodiscard]] bool is_to_be_asked_for(uint32_t file) noexcept {
        return file != 0 && file < kMostFiles && !asked_[file].load(std::memory_order_relaxed) &&
               !asked_[file].exchange(true, std::memory_order_relaxed);
    }
    // The peer has sent it. The progress thread.
    verbs::Result<void> map(uint32_t file, const verbs::UniqueFd &fd);

private:
    struct Mapped {
        verbs::Mapping memory;
    };
    std::array<std::atomic<const Mapped *>, kMostFiles> files_{};
    std::array<std::atomic<bool>, kMostFiles> asked_{};
    std::vector<std::unique_ptr<const Mapped>> owned_;  // the progress thread's
};

}  // namespace soft
