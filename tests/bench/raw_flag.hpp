// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The least there can be between two processes: a flag in shared memory that goes to and fro. What
// each bench of latency compares itself with, in the same run on the same cores.
#pragma once

#include "two_processes.hpp"

#include <sys/mman.h>

#include <atomic>
#include <new>

namespace bench {

// Each flag has a cache line of its own, and the next line too because the hardware fetches pairs.
struct Flags {
    alignas(128) std::atomic<uint64_t> ping;
    alignas(128) std::atomic<uint64_t> pong;
};

// Before the fork.
inline Flags *share_flags() {
    void *page = ::mmap(nullptr, sizeof(Flags), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    must(page != MAP_FAILED, "mmap");
    return new (page) Flags{};
}

// Nanoseconds for `count` round trips, halved; values go on from round to round. In the loop: one
// store, and loads until the other's store is seen. No pause instruction: it would only cost.
inline double raw_half_trip(Flags &flags, int count, bool begins) {
    std::atomic<uint64_t> &out = begins ? flags.ping : flags.pong;
    std::atomic<uint64_t> &in = begins ? flags.pong : flags.ping;
    uint64_t value = out.load(std::memory_order_relaxed);
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        ++value;
        if (begins) out.store(value, std::memory_order_release);
        while (in.load(std::memory_order_acquire) != value) {
        }
        if (!begins) out.store(value, std::memory_order_release);
    }
    return (now_ns() - start) / count / 2;
}

// Rounds of the raw flag and of `verbs_half_trip(count)` in turn. The side that begins prints the
// medians, the least of each, which a busy machine disturbs less, and the ratio of the medians.
template <typename HalfTrip>
void compare_half_trips(const Options &options, const Meeting &meeting, Flags &flags, bool begins,
                        HalfTrip &&verbs_half_trip) {
    meeting.barrier();
    verbs_half_trip(options.iterations);
    raw_half_trip(flags, options.iterations, begins);
    std::vector<double> verbs;
    std::vector<double> raw;
    for (int round = 0; round < options.rounds; ++round) {
        meeting.barrier();
        raw.push_back(raw_half_trip(flags, options.iterations, begins));
        meeting.barrier();
        verbs.push_back(verbs_half_trip(options.iterations));
    }
    meeting.barrier();
    if (begins) print_comparison("ns", verbs, raw);
}

}  // namespace bench
