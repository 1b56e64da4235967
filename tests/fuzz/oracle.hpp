// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How a fuzzer says that something is wrong, and memory that nobody may touch.
#pragma once

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_HAS_ASAN 1
#endif
#endif

#ifdef FUZZ_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace fuzz {

inline void check(bool holds, const char *what) noexcept {
    if (holds) return;
    std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
    std::abort();
}

inline void forbid(const void *start, std::size_t size) noexcept {
#ifdef FUZZ_HAS_ASAN
    __asan_poison_memory_region(start, size);
#else
    (void)start;
    (void)size;
#endif
}

inline void allow(const void *start, std::size_t size) noexcept {
#ifdef FUZZ_HAS_ASAN
    __asan_unpoison_memory_region(start, size);
#else
    (void)start;
    (void)size;
#endif
}

}  // namespace fuzz
