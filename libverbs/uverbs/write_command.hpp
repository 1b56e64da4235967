// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// WriteCommand: a command of the kernel's older ABI, one struct there and one back. It travels
// inside an attribute command where the kernel takes that (UVERBS_METHOD_INVOKE_WRITE), and by
// write() on kernels before that.
#pragma once

#include "uverbs/udata.hpp"

#include <rdma/ib_user_verbs.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace verbs::uverbs {

struct WriteCommand {
    std::uint32_t number = 0;  // IB_USER_VERBS_CMD_..., with IB_USER_VERBS_CMD_FLAG_EXTENDED or not
    // Of a command that is not extended, and that is answered, the request's first 8 bytes are the
    // address of the answer: left zero by callers, filled in on the way.
    std::span<const std::byte> request;
    std::span<std::byte> response;
    Udata udata;
};

namespace detail {

// The fixed part of a struct, without what belongs to the driver behind it.
template <class T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T &value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&value, 1));
}
template <class T>
[[nodiscard]] std::span<std::byte> writable_bytes_of(T &value) noexcept {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_writable_bytes(std::span(&value, 1));
}

// Not the last argument of a command without an answer.
template <class T>
concept Answer = !std::is_same_v<std::remove_const_t<T>, Udata>;

}  // namespace detail

template <class Request, detail::Answer Response>
[[nodiscard]] WriteCommand write_command(std::uint32_t number, const Request &request,
                                         Response &response, const Udata &udata = {}) noexcept {
    static_assert(offsetof(Request, response) == 0);
    return {number, detail::bytes_of(request), detail::writable_bytes_of(response), udata};
}

// A command without an answer.
template <class Request>
[[nodiscard]] WriteCommand write_command(std::uint32_t number, const Request &request,
                                         const Udata &udata = {}) noexcept {
    return {number, detail::bytes_of(request), {}, udata};
}

template <class Request>
[[nodiscard]] WriteCommand extended_command(std::uint32_t number, const Request &request,
                                            const Udata &udata = {}) noexcept {
    return {number | IB_USER_VERBS_CMD_FLAG_EXTENDED, detail::bytes_of(request), {}, udata};
}

template <class Request, detail::Answer Response>
[[nodiscard]] WriteCommand extended_command(std::uint32_t number, const Request &request,
                                            Response &response, const Udata &udata = {}) noexcept {
    return {number | IB_USER_VERBS_CMD_FLAG_EXTENDED, detail::bytes_of(request),
            detail::writable_bytes_of(response), udata};
}

}  // namespace verbs::uverbs
