/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which experimental features the loaded library has. The defines VERBS_HAVE_... tell what the
 * headers had when a program was built; the library that it runs with may be another one.
 */
#ifndef INFINIBAND_VERBS_EXP_FEATURE_QUERY_H
#define INFINIBAND_VERBS_EXP_FEATURE_QUERY_H

#include <infiniband/verbs/api.h>

/* How far a feature is from being promised; the higher, the further. */
enum verbs_exp_class {
    VERBS_EXP_MID_ADOPTER = 1,   /* complete, and expected to graduate as it is */
    VERBS_EXP_EARLY_ADOPTER = 2, /* works and is tested; details may still change */
    VERBS_EXP_HIGH_RISK = 3      /* may change in any release, or go */
};

/* Later libraries may add members at the end. All strings are constant and never NULL. */
struct verbs_exp_feature_info {
    const char *name; /* as verbs_exp_feature() takes it, e.g. "cq_ex" */
    int revision;     /* 1 or more */
    enum verbs_exp_class risk;
    const char *since;      /* the release that brought it, e.g. "0.1.0" */
    const char *summary;    /* what it is for */
    const char *abi_impact; /* what binaries have to expect from it */
    const char *graduated;  /* the version node in libverbs.so.1 that has it now, or "" */
};

/**
 * Asks for one feature of the library in use.
 *
 * Compare with the define of the headers: the library has what the program was built for where
 * verbs_exp_feature("cq_ex") == VERBS_HAVE_CQ_EX.
 *
 * @param name  the feature's name in lower case; NULL and unknown names are no feature
 * Returns (value): its revision, 1 or more, or 0 where the library was built without it.
 * Errors: none; errno is left alone.
 * Source: libverbs.
 */
VERBS_API int verbs_exp_feature(const char *name);

/**
 * Lists the features of the library in use, sorted by name.
 *
 * Returns (value): an array of pointers that ends with NULL; lives as long as the library.
 * Errors: none; errno is left alone.
 * Source: libverbs.
 */
VERBS_API const struct verbs_exp_feature_info *const *verbs_exp_features(void);

#endif
