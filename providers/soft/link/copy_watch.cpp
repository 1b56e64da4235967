// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Seats, and waiting for copies to end.
#include "link/copy_watch.hpp"

#include "datapath/qp.hpp"
#include "link/channel.hpp"
#include "link/link.hpp"

#include <sched.h>

#include <algorithm>
#include <mutex>

namespace soft {

CopyWatch::Seat::Seat(CopyWatch &watch, const RxEnd &end) : watch_(watch), end_(end) {
    const std::lock_guard hold(watch_.lock_);
    watch_.ends_.push_back(&end_);
}

CopyWatch::Seat::~Seat() {
    const std::lock_guard hold(watch_.lock_);
    if (const auto at = std::find(watch_.ends_.begin(), watch_.ends_.end(), &end_);
        at != watch_.ends_.end()) {
        *at = watch_.ends_.back();
        watch_.ends_.pop_back();
    }
}

bool CopyWatch::is_copied(uint32_t rkey) noexcept {
    const std::lock_guard hold(lock_);
    return std::any_of(ends_.begin(), ends_.end(), [rkey](const RxEnd *end) {
        return end->serving_rkey() == rkey ||
               (end->header().accessing_rkey.load(std::memory_order_seq_cst) == rkey &&
                !end->link().is_lost());
    });
}

void CopyWatch::await(uint32_t rkey) noexcept {
    if (!is_copied(rkey)) return;
    // A peer that was killed in its copy is noticed by its hang-up, for which the caller may be in
    // the way with a lock: hence the bound.
    const int64_t until = monotonic_ns() + 2'000'000'000;
    while (is_copied(rkey) && monotonic_ns() < until)
        ::sched_yield();
}

}  // namespace soft
