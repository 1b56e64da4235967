// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "refuse.hpp"

#include <abi/verbs_table.hpp>

namespace verbs::compat {

const verbs_hooks *hooks() {
    const verbs_hooks *table = verbs_private_table_1.hooks;
    const bool is_known = table->version == VERBS_HOOKS_VERSION && table->size >= sizeof *table;
    return is_known ? table : nullptr;
}

int refuse(const char *reason, int code) {
    if (const verbs_hooks *table = hooks()) table->set_reason(reason);
    errno = code;
    return code;
}

int refuse_other_release() {
    errno = ENOSYS;
    return ENOSYS;
}

}  // namespace verbs::compat
