// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The text behind the error number.
#include "core/reason.hpp"

#include <infiniband/verbs.h>

const char *verbs_last_error(void) {
    return verbs::reason::text();
}
