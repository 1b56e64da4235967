// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The memory windows of type 2 of this process. They are found by the index of their keys, since
// whoever invalidates one has no more than its key; and their state changes under one lock, since
// the program, its queue pairs and their peers change it.
#pragma once

#include "core/spin_lock.hpp"

#include <infiniband/verbs.h>

#include <cstdint>
#include <unordered_map>

namespace soft {

class MrTable;
struct Binding;
struct Extent;
struct Mr;
struct Mw;

// What a window of either type may be bound with.
inline constexpr unsigned kWindowAccess = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
                                          IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_ZERO_BASED;
// Programs ask for it as they do with regions. It gives a window nothing: its key is for peers.
inline constexpr unsigned kIgnoredWindowAccess = IBV_ACCESS_LOCAL_WRITE;

// A binding that was taken back: no access that begins now finds the key. The region goes on
// counting the window until no access that began before is left.
struct Unbound {
    uint32_t key = 0;  // 0: there was none
    Mr *region = nullptr;
};

class Windows {
public:
    explicit Windows(MrTable &table) noexcept : table_(table) {}

    void add(Mw &window);
    // For good.
    Unbound remove(Mw &window) noexcept;
    // Gives `window`, if it is not bound, the key and region of `binding`, and opens `extent` by
    // it to the peer of that queue pair. False: it is bound, or the key is not one of its own, or
    // the one that it had last.
    [[nodiscard]] bool bind(Mw &window, const Binding &binding, const Extent &extent,
                            uint32_t qpn) noexcept;
    // Takes back what is bound by that key to that queue pair.
    Unbound invalidate(uint32_t key, uint32_t qpn) noexcept;
    // The same with any window that is bound to the queue pair.
    Unbound unbind_one_of(uint32_t qpn) noexcept;

private:
    Unbound unbind(Mw &window) noexcept;

    MrTable &table_;
    verbs::SpinLock
        lock_;  // leaf: all below, and bound_key, last_key, region and holder of the windows
    std::unordered_map<uint32_t, Mw *> windows_;  // by index
};

}  // namespace soft
