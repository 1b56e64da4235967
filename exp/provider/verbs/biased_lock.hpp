// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// BiasedLock: for what one thread at a time does, and nearly always the same one. It belongs to the
// first thread that takes it, which needs no atomic exchange from then on: that would be the better
// part of what building a short request costs. When another thread comes it is an ordinary lock for
// good; the fence that the owner leaves out that thread makes up for with membarrier(2).
#pragma once

#include "core/spin_lock.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace verbs::provider {

class BiasedLock {
public:
    // Until here, and where the kernel refuses the barrier, it is an ordinary lock. Before it is
    // used.
    void bias() noexcept {
        if (has_barrier()) owner_.store(kNobody, std::memory_order_relaxed);
    }

    void lock() noexcept {
        const uintptr_t self = this_thread();
        if (!lock_as_owner(self)) [[unlikely]]
            lock_as_another(self);
    }
    void unlock() noexcept {
        if (is_owners_) [[likely]]
            owner_is_inside_.store(false, std::memory_order_release);
        else
            lock_.unlock();
    }
    // By anybody. For tests, where nobody takes it meanwhile.
    [[nodiscard]] bool is_held() noexcept {
        if (owner_is_inside_.load(std::memory_order_relaxed) || !lock_.try_lock()) return true;
        lock_.unlock();
        return false;
    }

private:
    // No threads: their numbers are addresses.
    static constexpr uintptr_t kNobody = 0;
    static constexpr uintptr_t kEverybody = 1;

    [[nodiscard]] static uintptr_t this_thread() noexcept {
        return reinterpret_cast<uintptr_t>(__builtin_thread_pointer());
    }
    [[nodiscard]] bool lock_as_owner(uintptr_t self) noexcept {
        if (owner_.load(std::memory_order_relaxed) != self) [[unlikely]]
            return false;
        owner_is_inside_.store(true, std::memory_order_relaxed);
        // Pairs with the barrier in expropriate(), which is as good as a fence here: either this
        // store is seen there, or what was stored there is seen below.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (owner_.load(std::memory_order_relaxed) == self) [[likely]] {
            is_owners_ = true;
            return true;
        }
        owner_is_inside_.store(false, std::memory_order_release);
        return false;
    }
    __attribute__((noinline)) void lock_as_another(uintptr_t self) noexcept {
        uintptr_t owner = kNobody;
        if (owner_.compare_exchange_strong(owner, self, std::memory_order_relaxed) &&
            lock_as_owner(self))
            return;
        lock_.lock();
        if (owner_.load(std::memory_order_relaxed) != kEverybody) expropriate();
        is_owners_ = false;
    }
    // Under the lock, which is everybody's afterwards.
    void expropriate() noexcept {
        owner_.store(kEverybody, std::memory_order_relaxed);
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
        // acquire pairs with the owner's release in unlock().
        spin_until([&] { return !owner_is_inside_.load(std::memory_order_acquire); });
    }
    // Asked for once in a process.
    [[nodiscard]] static bool has_barrier() noexcept {
        static const bool has = [] {
            const int saved = errno;
            const bool registered =
                ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
            errno = saved;
            return registered;
        }();
        return has;
    }

    std::atomic<uintptr_t> owner_{kEverybody};
    std::atomic<bool> owner_is_inside_{false};
    bool is_owners_ = false;  // as long as it is held: how it was taken
    SpinLock lock_;
};

}  // namespace verbs::provider
