// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "refuse.hpp"

#include "symver.hpp"

VERBS_IMPORT_FROM(verbs_private_hooks, "VERBS_PRIVATE");

namespace verbs::compat {

const verbs_hooks *hooks() {
    return stable_verbs_private_hooks(VERBS_HOOKS_VERSION);
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
