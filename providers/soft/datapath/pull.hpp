// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fetching messages that came by reference: the ring names the requester's memory.
#pragma once

#include "datapath/gather.hpp"
#include "link/channel.hpp"

namespace soft {

// Gets what a message has behind its first `skipped` bytes into as much memory. 0 or an errno
// value.
[[nodiscard]] int pull(RxEnd &end, const Arrival &arrival, MemoryList &memory,
                       uint32_t skipped) noexcept;
// Gets its first bytes alone.
[[nodiscard]] int pull_front(RxEnd &end, const Arrival &arrival, void *to,
                             uint32_t length) noexcept;

}  // namespace soft
