// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/array_memory.hpp"

#include <cstdlib>
#include <new>

std::atomic<bool> verbs_test::refuses_arrays{false};

#if VERBS_TEST_OWN_ARRAYS
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept {
    return verbs_test::refuses_arrays ? nullptr : std::malloc(size != 0 ? size : 1);
}
void *operator new[](std::size_t size) {
    void *memory = std::malloc(size != 0 ? size : 1);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete[](void *memory) noexcept {
    std::free(memory);
}
// Not every compiler declares it.
void operator delete[](void *memory, std::size_t size) noexcept;
void operator delete[](void *memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
#endif
