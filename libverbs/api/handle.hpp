// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every public function asks of its arguments first: that handles are there and are ours.
#pragma once

#include "api/argument.hpp"
#include "core/result.hpp"
#include "device/context.hpp"

#include <string>

namespace verbs::api {

using device::Context;

// Out of line, as every failure (core/result.hpp).
[[nodiscard, gnu::cold, gnu::noinline]] inline Failure is_foreign(const char *name,
                                                                  const ibv_context *context) {
    return fail(EINVAL, std::string(name) + ": " + Context::of(context).error().phrase);
}

// The Context an object hangs below: pd, mr, mw, cq, channel, srq, qp or ah.
template <class Object>
[[nodiscard, gnu::always_inline]] inline Result<Context *> owner_of(const Object *object,
                                                                    const char *name) {
    if (object == nullptr) return is_null(name);
    Context *const context = Context::find(object->context);
    if (context == nullptr) return is_foreign(name, object->context);
    return context;
}

// Refuses an object that hangs below another context. An absent one is fine.
template <class Object>
[[nodiscard, gnu::always_inline]] inline Result<void>
same_device(Context &context, const Object *object, const char *name) {
    return same_device(&context.handle(), object, name);
}

}  // namespace verbs::api
