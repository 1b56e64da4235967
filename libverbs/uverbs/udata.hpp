// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Udata: what a provider says to its own driver, inside a command that both otherwise share, and
// where the driver's answer goes. The bytes belong to the provider; nobody here looks into them.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace verbs::uverbs {

// What may be copied byte by byte.
template <class T>
concept Bytes = std::is_trivially_copyable_v<T>;

struct Udata {
    std::span<const std::byte> in;
    // A kernel older than the provider writes less, or nothing: set to zero what is to be judged.
    std::span<std::byte> out;
};

template <Bytes Answer>
[[nodiscard]] Udata udata_out(Answer &answer) noexcept {
    return {{}, std::as_writable_bytes(std::span(&answer, 1))};
}

template <Bytes Request>
[[nodiscard]] Udata udata_in(const Request &request) noexcept {
    return {std::as_bytes(std::span(&request, 1)), {}};
}

template <class Request, class Answer>
[[nodiscard]] Udata udata(const Request &request, Answer &answer) noexcept {
    return {udata_in(request).in, udata_out(answer).out};
}

}  // namespace verbs::uverbs
