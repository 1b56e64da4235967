// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// In a stack that is built without experimental verbs.
#include "experimental.hpp"

namespace verbs::compat {

void fill_experimental(ibv_context * /*context*/) noexcept {}

SizedQuery *experimental_query() noexcept {
    return nullptr;
}

}  // namespace verbs::compat
