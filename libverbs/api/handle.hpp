// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every public function asks of its arguments first: that handles are there and are ours.
#pragma once

#include "core/result.hpp"
#include "device/context.hpp"

#include <string>

namespace verbs::api {

using device::Context;

// Refuses a NULL argument by its name.
[[nodiscard]] inline Result<void> required(const void *argument, const char *name) {
    if (argument != nullptr) return {};
    return fail(EINVAL, std::string(name) + " is NULL");
}

// The Context an object hangs below: pd, mr, mw, cq, channel, srq, qp or ah.
template <class Object>
[[nodiscard]] Result<Context *> owner_of(const Object *object, const char *name) {
    VERBS_CHECK(required(object, name));
    auto context = Context::of(object->context);
    if (!context)
        return fail(context.error().code, std::string(name) + ": " + context.error().phrase);
    return context;
}

// Refuses an object that hangs below another context. An absent one is fine.
template <class Object>
[[nodiscard]] Result<void> same_device(Context &context, const Object *object, const char *name) {
    if (object == nullptr || object->context == &context.handle()) return {};
    return fail(EINVAL, std::string(name) + " belongs to another open device");
}

// Refuses a success that brought nothing.
template <class Object>
[[nodiscard]] Result<void> delivered(const Object *object, const char *name) {
    if (object != nullptr) return {};
    return fail(EIO, std::string("the provider made no ") + name + " and reported success");
}

}  // namespace verbs::api
