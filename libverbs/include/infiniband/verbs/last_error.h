/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reason behind an error number, for people. Programs that decide something look at errno or
 * at the returned number; the text may be reworded in any release.
 */
#ifndef INFINIBAND_VERBS_LAST_ERROR_H
#define INFINIBAND_VERBS_LAST_ERROR_H

#include <infiniband/verbs/api.h>

/**
 * Tells in words why the last failing call of this library on the calling thread failed.
 *
 * A call that succeeds does not clear the text. The data path (post, poll, request notification)
 * leaves none.
 *
 * Returns (value): a string, never NULL, empty when nothing has failed on this thread. It stays
 * valid until the thread's next failing call.
 * Errors: none; errno is left alone.
 * Source: libverbs.
 */
VERBS_API const char *verbs_last_error(void);

#endif
