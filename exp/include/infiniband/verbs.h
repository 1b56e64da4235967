/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For programs written for a verbs header that has everything in one file: the stable verbs, which
 * the next directory of the search path brings, and the experimental ones on top. Which directory
 * the compiler is given first decides whether a program sees the experimental part at all.
 */
#ifndef INFINIBAND_VERBS_WITH_EXP_H
#define INFINIBAND_VERBS_WITH_EXP_H

/* include_next is no part of the language, and a pedantic compiler would say so to each program. */
#pragma GCC system_header

#include_next <infiniband/verbs.h>

#include <infiniband/verbs_exp.h>

#endif
