// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Stretches of code in which a thread is not cancelled (pthread_cancel): it would unwind through
// frames that must not let anything out, and leave an object half made.
#pragma once

#include <pthread.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace verbs {

class CancellationOff {
public:
    CancellationOff() noexcept {
        if (can_happen_) ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
    }
    ~CancellationOff() {
        if (can_happen_) ::pthread_setcancelstate(before_, nullptr);
    }
    CancellationOff(const CancellationOff &) = delete;
    CancellationOff &operator=(const CancellationOff &) = delete;

private:
    // Nobody cancels the only thread of a process, and this takes a tenth of a short call.
    static bool has_other_threads() noexcept {
#if __has_include(<sys/single_threaded.h>)
        return __libc_single_threaded == 0;
#else
        return true;
#endif
    }

    const bool can_happen_ = has_other_threads();
    int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace verbs
