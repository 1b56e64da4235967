// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The hooks of the instrumentation. This file is not instrumented itself.
#include "fuzz/hostile_reads.hpp"

#include <algorithm>
#include <cstring>

namespace fuzz {

namespace {

constexpr std::size_t kMost = 8;

struct Window {
    uintptr_t theirs;
    uint8_t *ours;
    std::size_t size;
};

// Of the thread that runs the input: the progress thread's reads are its own.
thread_local Window windows[kMost];
thread_local std::size_t window_count = 0;
thread_local Change changes[kMost];
thread_local std::size_t change_count = 0;
thread_local uint32_t turn = 0;
thread_local uint8_t *last_read = nullptr;

void before_read(const void *address) noexcept {
    if (change_count == 0) return;
    const auto at = reinterpret_cast<uintptr_t>(address);
    for (std::size_t i = 0; i < window_count; ++i) {
        const Window &window = windows[i];
        if (at < window.theirs || at - window.theirs >= window.size) continue;
        for (std::size_t j = 0; j < change_count; ++j) {
            const Change &change = changes[j];
            if (change.turn != turn) continue;
            uint8_t *to = window.ours + std::min<std::size_t>(change.offset, window.size - 8);
            if (change.over_last_read && last_read != nullptr) to = last_read;
            std::memcpy(to, &change.value, std::min<uint32_t>(change.width, 8));
        }
        ++turn;
        last_read = window.ours + std::min<std::size_t>(at - window.theirs, window.size - 8);
        return;
    }
}

}  // namespace

void watch_window(const void *theirs, void *ours, std::size_t size) noexcept {
    if (window_count == kMost) return;
    windows[window_count++] = {reinterpret_cast<uintptr_t>(theirs), static_cast<uint8_t *>(ours),
                               size};
}

void forget_window(const void *ours) noexcept {
    const auto *end = std::remove_if(windows, windows + window_count,
                                     [&](const Window &window) { return window.ours == ours; });
    window_count = static_cast<std::size_t>(end - windows);
    last_read = nullptr;
}

void forget_windows() noexcept {
    window_count = 0;
    forget_changes();
}

void plan_change(const Change &change) noexcept {
    if (change_count == 0) turn = 0;
    if (change_count < kMost) changes[change_count++] = change;
}

void forget_changes() noexcept {
    change_count = 0;
    last_read = nullptr;
}

}  // namespace fuzz

// Names and types are the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
__extension__ typedef unsigned __int128 FuzzWide;
void __sanitizer_cov_load1(uint8_t *address);
void __sanitizer_cov_load2(uint16_t *address);
void __sanitizer_cov_load4(uint32_t *address);
void __sanitizer_cov_load8(uint64_t *address);
void __sanitizer_cov_load16(FuzzWide *address);
void __sanitizer_cov_load1(uint8_t *address) {
    fuzz::before_read(address);
}
void __sanitizer_cov_load2(uint16_t *address) {
    fuzz::before_read(address);
}
void __sanitizer_cov_load4(uint32_t *address) {
    fuzz::before_read(address);
}
void __sanitizer_cov_load8(uint64_t *address) {
    fuzz::before_read(address);
}
void __sanitizer_cov_load16(FuzzWide *address) {
    fuzz::before_read(address);
}

#ifdef FUZZ_WRAPS_MEMCPY
// The linker's --wrap leads every memcpy of instrumented code here.
void *__real___asan_memcpy(void *to, const void *from, std::size_t size);
void *__wrap___asan_memcpy(void *to, const void *from, std::size_t size);
void *__wrap___asan_memcpy(void *to, const void *from, std::size_t size) {
    fuzz::before_read(from);
    return __real___asan_memcpy(to, from, size);
}
#endif
}
// NOLINTEND(bugprone-reserved-identifier)
