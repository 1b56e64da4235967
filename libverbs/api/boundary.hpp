// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The C boundary: one helper per return shape of the verbs ABI. Each runs a callable that returns
// Result, lets no exception out, and on failure writes errno and the text of verbs_last_error().
// Success leaves both alone. The only code of the library that writes errno.
#pragma once

#include "core/cancellation.hpp"
#include "core/result.hpp"

#include <cerrno>
#include <exception>
#include <new>
#include <string_view>
#include <type_traits>

namespace verbs::api {

namespace boundary {

// What is left of a failure: its number in errno and for the caller, and the text of
// verbs_last_error(), which is logged too: a program may not show it. "No event yet" is no news,
// and programs ask for that all the time.
[[gnu::cold]] int settle_failure(int code, std::string_view phrase) noexcept;

// The same for an exception, inside of its handler.
[[gnu::cold, gnu::noinline]] inline int settle_exception() noexcept {
    try {
        throw;
    } catch (const std::bad_alloc &) {
        return settle_failure(ENOMEM, "out of memory");
    } catch (const std::exception &stray) {
        return settle_failure(EIO, stray.what());
    } catch (...) {
        return settle_failure(EIO, "something that is no std::exception was thrown");
    }
}

// Runs `call`. On success hands the Result to `deliver`. Returns 0 or the errno value.
// Inline in each public function: the frames of a call are what it costs beside the kernel.
template <class Call, class Deliver>
[[gnu::always_inline]] inline int settle(Call &&call, Deliver &&deliver) noexcept {
    const int before = errno;
    // A control call is no cancellation point; the two calls that wait for events do their waiting
    // outside of it (event_fd.hpp).
    const CancellationOff no_cancellation;
    try {
        auto result = call();
        if (!result) return settle_failure(result.error().code, result.error().phrase);
        deliver(result);
        errno = before;
        return 0;
    } catch (...) {
        return settle_exception();
    }
}

}  // namespace boundary

// Inline as well, or each public function would first put what its callable needs into memory.

// Shape `pointer`: the value, or NULL with errno set. The callable returns Result<T *>.
template <class Call>
[[gnu::always_inline]] inline auto pointer(Call &&call) noexcept ->
    typename std::invoke_result_t<Call>::value_type {
    typename std::invoke_result_t<Call>::value_type value = nullptr;
    boundary::settle(call, [&](auto &result) { value = *result; });
    return value;
}

// Shape `errno`: 0, or the errno value, which is in errno as well.
template <class Call>
[[gnu::always_inline]] inline int errno_value(Call &&call) noexcept {
    return boundary::settle(call, [](auto &) {});
}

// Shape `minus_one`: 0, or -1 with errno set.
template <class Call>
[[gnu::always_inline]] inline int minus_one(Call &&call) noexcept {
    return boundary::settle(call, [](auto &) {}) == 0 ? 0 : -1;
}

// Shape `count`: the value, or a negative number with errno set: `failure`, as it is at the end.
template <class Call>
[[gnu::always_inline]] inline int count(Call &&call, const int &failure) noexcept {
    int value = 0;
    return boundary::settle(call, [&](auto &result) { value = *result; }) == 0 ? value : failure;
}

template <class Call>
[[gnu::always_inline]] inline int count(Call &&call) noexcept {
    return count(call, -1);
}

// Shape `void`: cannot fail for the program; a reason is left, errno is not touched.
template <class Call>
[[gnu::always_inline]] inline void nothing(Call &&call) noexcept {
    const int before = errno;
    boundary::settle(call, [](auto &) {});
    errno = before;
}

// Shape `value`: the answer, or `otherwise`; errno is not touched.
template <class T, class Call>
[[gnu::always_inline]] inline T value_or(T otherwise, Call &&call) noexcept {
    const int before = errno;
    T value = otherwise;
    boundary::settle(call, [&](auto &result) { value = *result; });
    errno = before;
    return value;
}

}  // namespace verbs::api
