/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the system calls that a program makes in each of its phases, by tracing a child of this
 * process that runs them. Every call counts once, whatever it does and however it ends.
 */
#ifndef COUNT_CALLS_H
#define COUNT_CALLS_H

/* The phase that begins here, or NULL: what comes now is counted nowhere. Where nobody counts this
 * does nothing. The name has to last. */
void mark_phase(const char *name);

/* Runs `phases` and prints a line "calls: PHASE NUMBER" for each. The exit code for main(). */
int count_calls(void (*phases)(void));

#endif
