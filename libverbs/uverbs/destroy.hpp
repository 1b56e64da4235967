// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Destroying: the same for all kinds of objects. By the kind's own method, by the older command
// where a kernel lacks the method, and nothing at all for a device that is gone.
#pragma once

#include "uverbs/context.hpp"
#include "uverbs/failure.hpp"

namespace verbs::uverbs {

struct DestroyMethod {
    std::uint16_t object;
    std::uint16_t method;
    std::uint16_t handle;  // attribute
};

// `number` and `request` are the older command.
template <class Request>
[[nodiscard, gnu::always_inline]] inline Result<void>
destroy(const Context &context, const char *verb, DestroyMethod method, std::uint32_t handle,
        std::uint32_t number, const Request &request) {
    Command<1> command(method.object, method.method);
    command.object(method.handle, handle);
    int code = context.run_quietly(command);
    if (is_unknown_method(code)) code = context.run_quietly(write_command(number, request));
    if (code != 0 && !is_destroyed(code)) return refused(verb, code);
    return {};
}

// The same for objects that have events: the answer tells how many were handed out. It stays zero
// for a device that is gone.
template <class Request, class Reported>
[[nodiscard]] Result<void>
destroy(const Context &context, const char *verb, DestroyMethod method, std::uint16_t reported_id,
        std::uint32_t handle, std::uint32_t number, const Request &request, Reported &reported) {
    Command<2> command(method.object, method.method);
    command.object(method.handle, handle);
    command.out(reported_id, reported);
    int code = context.run_quietly(command);
    if (is_unknown_method(code))
        code = context.run_quietly(write_command(number, request, reported));
    if (is_destroyed(code)) {
        reported = {};
        return {};
    }
    if (code != 0) return refused(verb, code);
    return {};
}

}  // namespace verbs::uverbs
