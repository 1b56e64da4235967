// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A second process for a test: the test's own program, started afresh with --role=NAME (not forked,
// so that sanitizers, valgrind and the library under test all begin clean).
#pragma once

#include "support/exchange.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

namespace verbs_test {

class PeerProcess {
public:
    // Throws when the process cannot be started.
    explicit PeerProcess(const std::string &role);
    PeerProcess(const PeerProcess &) = delete;
    PeerProcess &operator=(const PeerProcess &) = delete;
    // Kills and reaps the process if nobody waited for it; that is no failure by itself.
    ~PeerProcess();

    [[nodiscard]] Exchange &exchange() { return exchange_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

    // Success when the process ends by itself with exit code 0; otherwise its output is in the
    // text.
    ::testing::AssertionResult ends_well();
    // SIGKILL, and waits until the process is gone.
    void kill();
    // What the process wrote to its standard output and error so far.
    [[nodiscard]] std::string output() const;

private:
    std::optional<int> wait(Milliseconds limit);
    Exchange exchange_;
    int output_fd_ = -1;
    pid_t pid_ = -1;
};

// What a started process does. Failed expectations and exceptions become its exit code.
struct Role {
    const char *name;
    void (*run)(Exchange &exchange);
};

// In main: runs the role that the arguments name and gives the exit code, or nothing when the
// process is a test itself.
std::optional<int> run_role(int argc, char **argv, std::span<const Role> roles);

}  // namespace verbs_test
