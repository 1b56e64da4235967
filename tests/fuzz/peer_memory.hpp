// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The memory of the hostile process, as far as process_vm_readv and process_vm_writev show it: the
// fuzzer has calls of these names, which take the place of the C library's. The peer decides what
// a call finds: its data, a part of it, nothing, or that the process is gone.
#pragma once

#include "fuzz/choices.hpp"

#include <cstdint>

namespace fuzz {

class PeerMemory {
public:
    // A peer's memory begins here. Nothing is mapped there, so nobody can take it for his own.
    static constexpr uint64_t kStart = 0x7e0000000000;
    static constexpr uint64_t kSize = 1 << 20;

    // From now on this thread's copies are answered by `choices`. `canary` stands at `kStart`.
    PeerMemory(Choices &choices, uint64_t canary) noexcept;
    ~PeerMemory();
    PeerMemory(const PeerMemory &) = delete;
    PeerMemory &operator=(const PeerMemory &) = delete;

    bool is_dead = false;  // every copy finds no process
};

}  // namespace fuzz
