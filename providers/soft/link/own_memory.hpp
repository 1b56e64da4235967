// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Touching this process's memory on behalf of a peer. A program may have unmapped what it
// registered, or made it read-only; a peer that uses the key then gets an error, and must not be
// able to raise a signal here. So the kernel moves the bytes, who says EFAULT instead.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "core/spin_lock.hpp"
#include "link/layout.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace soft {

using verbs::SpinLock;

// read and write go by way of some shared memory of our own, of which the kernel copies to and from
// the program's (pread, pwrite): the one way that no filter of system calls closes. One descriptor
// for the process, and none until the first use.
class OwnMemory {
public:
    static constexpr std::size_t kMost = 64 * 1024;
    static_assert(kMost >= kRingBytes && kMost >= kReplyBytes);

    // Copies at most kMost bytes. 0 or an errno value: EFAULT when not all of the program's memory
    // may be written or read, of which some may have been written all the same. Any thread.
    [[nodiscard]] int write(uint64_t to, const void *from, std::size_t length) noexcept;
    [[nodiscard]] int read(void *to, uint64_t from, std::size_t length) noexcept;

    // Whether the aligned word may be written; it keeps its value. The answer holds as long as the
    // program leaves the mapping alone. Any thread.
    [[nodiscard]] static bool can_write_word(uint64_t address) noexcept;

private:
    // Where one copy at a time passes through.
    struct Berth {
        SpinLock lock;
        uint8_t *memory = nullptr;
        int64_t offset = 0;
    };
    static constexpr std::size_t kBerths = 4;

    [[nodiscard]] bool is_open() noexcept;
    Berth &take_berth() noexcept;

    std::mutex mutex_;  // leaf: opening
    std::atomic<bool> is_open_{false};
    verbs::UniqueFd fd_;
    verbs::Mapping memory_;
    std::array<Berth, kBerths> berths_;
};

}  // namespace soft
