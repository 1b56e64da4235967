// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "support/array_memory.hpp"

#include <cstdlib>
#include <memory>
#include <new>

std::atomic<bool> verbs_test::refuses_arrays{false};

bool verbs_test::can_refuse_arrays() {
    const NoArrayMemory none;
    volatile std::size_t size = 1;  // so that the compiler cannot leave the allocation out
    const std::unique_ptr<char[]> array(new (std::nothrow) char[size]);
    return array == nullptr;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VERBS_TEST_SANITIZED_THREADS
#endif
#endif
// Linked with ThreadSanitizer, a program cannot have them twice.
#if !defined(VERBS_TEST_SANITIZED_THREADS) && !defined(__SANITIZE_THREAD__)
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
