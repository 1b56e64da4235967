// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

Result<void> destroy(const Context &context, const char *verb, DestroyMethod method,
                     std::uint32_t handle, const WriteCommand &older) {
    Command<1> command(method.object, method.method);
    command.object(method.handle, handle);
    int code = context.run_quietly(command);
    if (is_unknown_method(code)) code = context.run_quietly(older);
    if (code != 0 && !is_destroyed(code)) return refused(verb, code);
    return {};
}

}  // namespace verbs::uverbs
