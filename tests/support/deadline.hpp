// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Waiting without sleeping: everything a test waits for is polled until a deadline. The environment
// variable VERBS_TEST_SCALE (1 by default, 0.1 under valgrind, say) lowers work and raises
// patience.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace verbs_test {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using namespace std::chrono_literals;

inline double scale() {
    static const double value = [] {
        const char *text = std::getenv("VERBS_TEST_SCALE");
        const double asked = text != nullptr ? std::strtod(text, nullptr) : 1.0;
        return asked > 0.0 ? asked : 1.0;
    }();
    return value;
}

// How often to do something that a fast machine does `count` times.
inline int iterations(int count) {
    return std::max(1, static_cast<int>(count * scale()));
}

// How long to wait for something that has to happen. Passing tests never wait that long.
inline Milliseconds patience(Milliseconds unscaled = 20s) {
    const double factor = std::max(1.0, 1.0 / scale());
    return Milliseconds(static_cast<Milliseconds::rep>(static_cast<double>(unscaled.count()) *
                                                       std::min(factor, 20.0)));
}

// How long to watch for something that must not happen.
inline constexpr Milliseconds kQuiet = 30ms;

class Deadline {
public:
    explicit Deadline(Milliseconds limit = patience()) : end_(Clock::now() + limit) {}
    [[nodiscard]] bool passed() const { return Clock::now() >= end_; }
    // Never negative, so that it suits poll(2).
    [[nodiscard]] int left_ms() const {
        const auto left = std::chrono::ceil<Milliseconds>(end_ - Clock::now());
        return static_cast<int>(std::max<Milliseconds::rep>(0, left.count()));
    }

private:
    Clock::time_point end_;
};

// True as soon as the claim holds, false when the limit has passed without that.
template <typename Claim>
bool eventually(Claim claim, Milliseconds limit = patience()) {
    const Deadline deadline(limit);
    for (;;) {
        if (claim()) return true;
        if (deadline.passed()) return claim();
        std::this_thread::yield();
    }
}

// True when the claim never holds while we watch.
template <typename Claim>
bool never(Claim claim, Milliseconds watch = kQuiet) {
    return !eventually(claim, watch);
}

}  // namespace verbs_test
