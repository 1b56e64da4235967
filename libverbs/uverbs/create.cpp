// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/create.hpp"

namespace verbs::uverbs {

Result<void> create(const Context &context, const char *verb, std::uint32_t &handle,
                    const WriteCommand &command) {
    handle = kNoHandle;
    VERBS_CHECK(context.run(verb, command));
    return judge_handle(verb, handle);
}

}  // namespace verbs::uverbs
