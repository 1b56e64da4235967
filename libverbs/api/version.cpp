// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The version of the library that runs: the headers it was built with.
#include <infiniband/verbs.h>

#define VERBS_TEXT_OF(x) #x
#define VERBS_TEXT(x) VERBS_TEXT_OF(x)

const char *verbs_version(void) {
    return VERBS_TEXT(VERBS_VERSION_MAJOR) "." VERBS_TEXT(VERBS_VERSION_MINOR) "." VERBS_TEXT(
        VERBS_VERSION_PATCH);
}
