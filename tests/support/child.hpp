// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The end of a forked child in which all went well, and what its parent sees of it. It is a signal:
// at any other end valgrind looks for what the child has lost, and finds what threads of the parent
// had in hand when it forked.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace verbs_test {

[[noreturn]] inline void end_well() {
    ::raise(SIGKILL);
    ::_exit(1);
}

// Waits for the child.
inline ::testing::AssertionResult ended_well(pid_t child) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child) return ::testing::AssertionFailure() << "no child";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "status " << status;
}

}  // namespace verbs_test
