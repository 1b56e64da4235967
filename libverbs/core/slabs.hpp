// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// InSlabs<T>: a base of objects that programs make by the hundred. Their memory is taken from
// malloc many at a time, and kept for the next object of the kind: half of what making and ending a
// small object costs in user space is malloc's work. It is never given back.
#pragma once

#include "core/spin_lock.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

// The address sanitizer sees what is used after its end only where malloc has it back.
#if defined(__SANITIZE_ADDRESS__)
#define VERBS_LEAVES_TO_MALLOC
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VERBS_LEAVES_TO_MALLOC
#endif
#endif

namespace verbs {

// Room for objects of one size. Lives as long as its plugin, so that nothing ends before an object
// that is deleted from an exit handler.
class Slabs {
public:
    // `size` is the same each time. Throws std::bad_alloc.
    [[nodiscard]] void *take(std::size_t size) {
        const std::lock_guard hold(lock_);
        if (free_ != nullptr) return std::exchange(free_, free_->next);
        if (left_ == 0) grow(size);
        --left_;
        return std::exchange(untouched_, untouched_ + size);
    }
    void give_back(void *place) noexcept {
        const std::lock_guard hold(lock_);
        free_ = new (place) Free{free_};
    }

private:
    struct Free {
        Free *next;
    };
    // Before the places of each slab. Memory without a way to its beginning looks lost to valgrind.
    struct alignas(std::max_align_t) Head {
        Head *older;
    };

    // Twice as many each time, so that who has one object does not pay for many.
    [[gnu::cold, gnu::noinline]] void grow(std::size_t size) {
        constexpr std::size_t kFirst = 4;
        constexpr std::size_t kMost = 64;
        const std::size_t count = last_ == 0 ? kFirst : std::min(2 * last_, kMost);
        const std::size_t bytes = sizeof(Head) + count * size;
        newest_ = new (::operator new(bytes)) Head{newest_};
        untouched_ = reinterpret_cast<std::byte *>(newest_ + 1);
        left_ = last_ = count;
    }

    SpinLock lock_;  // leaf
    Head *newest_ = nullptr;
    Free *free_ = nullptr;
    std::byte *untouched_ = nullptr;  // the rest of the newest slab: `left_` places
    std::size_t left_ = 0;
    std::size_t last_ = 0;  // places in the newest slab
};

template <class T>
class InSlabs {
public:
#ifndef VERBS_LEAVES_TO_MALLOC
    // Of T, or of one class that is derived from it: all are of one size.
    [[nodiscard]] static void *operator new(std::size_t size) {
        static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        return slabs_.take(size);
    }
    static void operator delete(void *place) noexcept {
        slabs_.give_back(place);
    }

private:
    inline static constinit Slabs slabs_;
#endif
};

}  // namespace verbs
