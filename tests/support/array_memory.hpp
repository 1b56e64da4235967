// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory for arrays that runs out when a test says so: array_memory.cpp replaces new[] in the
// program that has it.
#pragma once

#include <atomic>

#if defined(__SANITIZE_THREAD__)
#define VERBS_TEST_OWN_ARRAYS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VERBS_TEST_OWN_ARRAYS 0
#endif
#endif
#ifndef VERBS_TEST_OWN_ARRAYS
#define VERBS_TEST_OWN_ARRAYS 1
#endif

namespace verbs_test {

// False under ThreadSanitizer, whose new[] cannot be replaced.
inline constexpr bool kCanRefuseArrays = VERBS_TEST_OWN_ARRAYS == 1;

// While true, `new (std::nothrow) T[n]` gives nullptr.
extern std::atomic<bool> refuses_arrays;

class NoArrayMemory {
public:
    NoArrayMemory() { refuses_arrays = true; }
    ~NoArrayMemory() { refuses_arrays = false; }
    NoArrayMemory(const NoArrayMemory &) = delete;
    NoArrayMemory &operator=(const NoArrayMemory &) = delete;
};

}  // namespace verbs_test
