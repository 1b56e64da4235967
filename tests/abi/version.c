/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The version in the header is the project's. The build passes the latter as EXPECTED_*; this file
 * compiles only when both agree.
 */
#include <infiniband/verbs/version.h>

_Static_assert(VERBS_VERSION_MAJOR == EXPECTED_MAJOR, "version.h has another major version");
_Static_assert(VERBS_VERSION_MINOR == EXPECTED_MINOR, "version.h has another minor version");
_Static_assert(VERBS_VERSION_PATCH == EXPECTED_PATCH, "version.h has another patch version");
