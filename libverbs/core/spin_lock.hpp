// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// SpinLock: the lock of one queue. Held for one operation, so waiting spins first and yields the
// processor after a while: the holder may be a thread that the scheduler took off this core.
#pragma once

#include <sched.h>

#include <atomic>

namespace verbs {

inline void relax_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

// Until the claim holds.
template <class Claim>
void spin_until(Claim &&holds) noexcept {
    for (int spins = 0; !holds(); ++spins) {
        if (spins < 256)
            relax_cpu();
        else
            ::sched_yield();
    }
}

class SpinLock {
public:
    // Mostly it is free, and a look before would only cost.
    void lock() noexcept {
        if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]
            wait();
    }
    // acquire pairs with the release in unlock(): what the last holder wrote is seen.
    [[nodiscard]] bool try_lock() noexcept {
        return !held_.load(std::memory_order_relaxed) &&
               !held_.exchange(true, std::memory_order_acquire);
    }
    void unlock() noexcept { held_.store(false, std::memory_order_release); }

private:
    __attribute__((noinline)) void wait() noexcept {
        spin_until([this] { return try_lock(); });
    }

    std::atomic<bool> held_{false};
};

}  // namespace verbs
