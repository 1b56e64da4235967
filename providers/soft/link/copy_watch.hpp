// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// CopyWatch: the channels on which peers say whose memory of ours they are copying, or have it
// copied by one of our threads. Whoever takes a region away waits here until nobody does any more.
#pragma once

#include "core/spin_lock.hpp"

#include <cstdint>
#include <vector>

namespace soft {

using verbs::SpinLock;

class RxEnd;

class CopyWatch {
public:
    // A channel's place in the watch; it leaves with it.
    class Seat {
    public:
        Seat(CopyWatch &watch, const RxEnd &end);
        ~Seat();
        Seat(const Seat &) = delete;
        Seat &operator=(const Seat &) = delete;

    private:
        CopyWatch &watch_;
        const RxEnd &end_;
    };

    // Returns when no peer that lives copies to or from the region, whose key is closed already. A
    // copy lasts as long as the peer's system call. Any thread, under any lock.
    void await(uint32_t rkey) noexcept;

    // For the child of a fork: another thread of the parent may have held the lock.
    void unlock_in_child() noexcept { new (&lock_) SpinLock; }

private:
    [[nodiscard]] bool is_copied(uint32_t rkey) noexcept;

    SpinLock lock_;  // leaf
    std::vector<const RxEnd *> ends_;
};

}  // namespace soft
