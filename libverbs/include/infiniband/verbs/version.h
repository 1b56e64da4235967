/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The version of these headers, and of the library that is loaded. The two differ when a program
 * runs with a later library than it was built with, which is always allowed.
 */
#ifndef INFINIBAND_VERBS_VERSION_H
#define INFINIBAND_VERBS_VERSION_H

#include <infiniband/verbs/api.h>

#define VERBS_VERSION_MAJOR 0
#define VERBS_VERSION_MINOR 1
#define VERBS_VERSION_PATCH 0

/**
 * Names the version of the library in use, as "major.minor.patch".
 *
 * Returns (value): a constant string, never NULL, valid for the life of the process.
 * Errors: none; errno is left alone.
 * Source: libverbs.
 */
VERBS_API const char *verbs_version(void);

#endif
