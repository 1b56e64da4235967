/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a function of the library is declared: C linkage and default visibility. Nothing else belongs
 * here; a declaration without VERBS_API is not part of the library.
 */
#ifndef INFINIBAND_VERBS_API_H
#define INFINIBAND_VERBS_API_H

#ifdef __cplusplus
#define VERBS_API extern "C" __attribute__((__visibility__("default")))
#else
#define VERBS_API extern __attribute__((__visibility__("default")))
#endif

/* For functions whose result depends on nothing but their arguments. */
#define VERBS_PURE_VALUE __attribute__((__const__))

#endif
