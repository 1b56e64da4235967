// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory that changes while it is read, at exactly the read that the input says. The code under
// test is built with -fsanitize-coverage=trace-loads: before each of its loads from a watched
// window the hostile side has its turn. Without that instrumentation (the replay) nothing changes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fuzz {

// A window of shared memory: where the code under test has it, and where we do.
void watch_window(const void *theirs, void *ours, std::size_t size) noexcept;
void forget_window(const void *ours) noexcept;
void forget_windows() noexcept;

// Before the read number `turn` (0: the next one) from any window, `width` bytes of `value` are
// written: at `offset` of the window that is read, or over what was read last.
struct Change {
    uint32_t turn;
    bool over_last_read;
    uint32_t offset;
    uint32_t width;
    uint64_t value;
};
void plan_change(const Change &change) noexcept;
void forget_changes() noexcept;

}  // namespace fuzz
