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

namespace {

// A peer that was killed in its copy is noticed by its hang-up, for which the caller may be in the
// way with a lock: hence the bound.
template <class Claim>
void wait_while(Claim &&claim) noexcept {
    if (!claim()) return;
    const int64_t until = monotonic_ns() + 2'000'000'000;
    while (claim() && monotonic_ns() < until)
        ::sched_yield();
}

}  // namespace

void CopyWatch::await(uint32_t rkey) noexcept {
    wait_while([&] { return is_copied(rkey); });
}

// Pairs with the second look at is_attached() in the requester's copy_directly(): he announces the
// key, then looks whether he is still welcome; here the reverse. One of the two sees the other.
void RxEnd::await_copy() const noexcept {
    publish_before_look();
    wait_while([this] {
        return header().accessing_rkey.load(std::memory_order_seq_cst) != 0 && !link().is_lost();
    });
}

}  // namespace soft
