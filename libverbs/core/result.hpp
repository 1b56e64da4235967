// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Result<T>: a value or an Error. The only way in which a function of ours reports a failure.
#pragma once

#include "core/error.hpp"

#include <tl/expected.hpp>

namespace verbs {

template <class T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

// Failures are made out of line: what is left of a function when nothing fails is small enough to
// be inlined.
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure fail(int code, std::string &&phrase) {
    return Failure(Error{code, std::move(phrase)});
}
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure fail(int code, const char *phrase) {
    return Failure(Error{code, phrase});
}

}  // namespace verbs

// Leaves the enclosing function with the error of `expression`, if it has one.
#define VERBS_CHECK(expression)                                                                    \
    do {                                                                                           \
        if (auto verbs_check_result = (expression); !verbs_check_result)                           \
            return ::verbs::Failure(std::move(verbs_check_result.error()));                        \
    } while (false)

// Declares `variable` with the value of `expression`, or leaves with its error.
#define VERBS_TRY(variable, expression)                                                            \
    auto variable##_result = (expression);                                                         \
    if (!variable##_result) return ::verbs::Failure(std::move(variable##_result.error()));         \
    auto variable = std::move(*variable##_result)
