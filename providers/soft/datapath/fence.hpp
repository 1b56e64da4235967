// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fences by purpose. ThreadSanitizer knows none, so under it a read-modify-write stands in.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__SANITIZE_THREAD__)
#define SOFT_NO_FENCES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SOFT_NO_FENCES 1
#endif
#endif
#ifndef SOFT_NO_FENCES
#define SOFT_NO_FENCES 0
#endif

#if SOFT_NO_FENCES
extern "C" void __tsan_acquire(void *address);
extern "C" void __tsan_release(void *address);
#endif

namespace soft {

// A process may have both ends of a channel, mapped at two addresses. ThreadSanitizer does not see
// that what one end releases is what the other acquires, so it is told: the first before a release,
// the second after an acquire. Nothing in any other build.
#if SOFT_NO_FENCES
inline char other_end = 0;
inline void tell_release_to_other_end() noexcept {
    __tsan_release(&other_end);
}
inline void tell_acquire_of_other_end() noexcept {
    __tsan_acquire(&other_end);
}
#else
inline void tell_release_to_other_end() noexcept {}
inline void tell_acquire_of_other_end() noexcept {}
#endif

// What I wrote before is visible to others before I read what comes after. Both sides of a
// "publish, then look whether the other sleeps" pair need it; without it a wake-up gets lost.
inline void publish_before_look() noexcept {
#if SOFT_NO_FENCES
    std::atomic<int> here{0};
    here.fetch_add(1, std::memory_order_seq_cst);
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// The same when the other side looks without a fence of its own (it polls, and a fence after each
// message would cost it more than the message): the kernel fences all processors that run a process
// which asked for that. Both sides must have enabled it, and told each other.
[[nodiscard]] bool enable_barrier_for_all() noexcept;
void barrier_for_all() noexcept;

inline void publish_before_look(const std::atomic<uint32_t> &other_skips_fences) noexcept {
    publish_before_look();
    // Pairs with LookFence::skip(): who says that it skips them fences once after.
    if (other_skips_fences.load(std::memory_order_acquire) != 0) barrier_for_all();
}

// One side's fence between publishing and looking, and whether it is left out. The other side of
// the channel is told, and makes up for it with the barrier for all. Under the queue's lock.
class LookFence {
public:
    // `told` is this side's word in the channel; the fence after it pairs with the other side's
    // publish_before_look() above.
    void skip(bool wanted, std::atomic<uint32_t> &told) noexcept {
        if (skips_ == wanted) return;
        skips_ = wanted;
        told.store(wanted ? 1 : 0, std::memory_order_release);
        publish_before_look();
    }
    void operator()() const noexcept {
        if (skips_)
            std::atomic_signal_fence(std::memory_order_seq_cst);
        else
            publish_before_look();
    }

private:
    bool skips_ = false;
};

// What I read before was read before what I read after.
inline void read_fence() noexcept {
#if SOFT_NO_FENCES
    std::atomic<int> here{0};
    here.fetch_add(1, std::memory_order_acq_rel);
#else
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

}  // namespace soft
