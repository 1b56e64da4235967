// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory for arrays that runs out when a test says so: array_memory.cpp replaces new[] in the
// program that has it.
#pragma once

#include <atomic>

namespace verbs_test {

// False under ThreadSanitizer and Valgrind, which bring their own new[].
bool can_refuse_arrays();

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
