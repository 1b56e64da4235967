/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* By ptrace: a stop of the child before each call. */
#include "count_calls.h"
#include "steps.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MARK = -77,               // no descriptor: closing it is how the child tells of a phase
    AT_CALL = SIGTRAP | 0x80  // a stop at a system call, with PTRACE_O_TRACESYSGOOD
};

static int is_counting;

void mark_phase(const char *name) {
    if (is_counting) syscall(SYS_close, MARK, name);
}

static void report(const char *phase, long calls) {
    if (phase != NULL) printf("calls: %s %ld\n", phase, calls);
}

/* The child is a copy of this process, so the names that it gives by their addresses are here. */
static void follow(pid_t child) {
    const char *phase = NULL;
    long calls = 0;
    int status = 0;
    long signal = 0;  // that the child is to get
    for (;;) {
        need(ptrace(PTRACE_SYSCALL, child, NULL, signal) == 0, "ptrace");
        need(waitpid(child, &status, 0) == child, "waitpid");
        if (!WIFSTOPPED(status)) break;
        signal = WSTOPSIG(status) == AT_CALL ? 0 : WSTOPSIG(status);
        if (signal != 0) continue;
        struct __ptrace_syscall_info info = {0};
        need(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) > 0, "ptrace");
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
        if (info.entry.nr == SYS_close && (int)info.entry.args[0] == MARK) {
            report(phase, calls);
            phase = (const char *)(uintptr_t)info.entry.args[1];
            calls = 0;
        } else {
            ++calls;
        }
    }
    need(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
}

int count_calls(void (*phases)(void)) {
    fflush(stdout);
    const pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        need(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0, "ptrace");
        raise(SIGSTOP);
        is_counting = 1;
        phases();
        exit(0);
    }
    int status = 0;
    need(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "waitpid");
    need(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0,
         "ptrace");
    follow(child);
    return 0;
}
