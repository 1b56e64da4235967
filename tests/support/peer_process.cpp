// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Starting, watching and ending the second process of a test; nothing it does can outlive the test.
#include "support/peer_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>

namespace verbs_test {

namespace {

constexpr int kExchangeFd = 3;  // in the started process, behind the three standard ones
constexpr char kRoleOption[] = "--role=";

[[noreturn]] void fail_with(int error, const char *what) {
    throw std::system_error(error, std::generic_category(), what);
}

std::string own_program() {
    std::array<char, 4096> path{};
    const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
    if (n <= 0) fail_with(errno, "readlink /proc/self/exe");
    return {path.data(), static_cast<size_t>(n)};
}

}  // namespace

PeerProcess::PeerProcess(const std::string &role) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail_with(errno, "socketpair");
    }
    exchange_ = Exchange(ends[0]);
    Exchange theirs(ends[1]);  // ours to close in every case
    output_fd_ = ::memfd_create("output of a peer", MFD_CLOEXEC);
    if (output_fd_ < 0) fail_with(errno, "memfd_create");

    const std::string program = own_program();
    std::string option = kRoleOption + role;
    std::string name = program;
    char *arguments[] = {name.data(), option.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, output_fd_, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output_fd_, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], kExchangeFd);
    const int error =
        ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, ::environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        pid_ = -1;
        fail_with(error, "posix_spawn");
    }
}

PeerProcess::~PeerProcess() {
    kill();
    if (output_fd_ >= 0) ::close(output_fd_);
}

std::optional<int> PeerProcess::wait(Milliseconds limit) {
    std::optional<int> status;
    eventually(
        [&] {
            int value = 0;
            if (::waitpid(pid_, &value, WNOHANG) != pid_) return false;
            pid_ = -1;
            status = value;
            return true;
        },
        limit);
    return status;
}

void PeerProcess::kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

::testing::AssertionResult PeerProcess::ends_well() {
    if (pid_ < 0) return ::testing::AssertionFailure() << "the peer has ended before";
    const std::optional<int> status = wait(patience());
    if (!status) {
        kill();
        return ::testing::AssertionFailure() << "the peer did not end in time:\n" << output();
    }
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << (WIFSIGNALED(*status) ? "the peer died of signal " : "the peer failed with code ")
           << (WIFSIGNALED(*status) ? WTERMSIG(*status) : WEXITSTATUS(*status)) << ":\n"
           << output();
}

std::string PeerProcess::output() const {
    std::string text;
    std::array<char, 4096> part{};
    for (off_t at = 0;;) {
        const ssize_t n = ::pread(output_fd_, part.data(), part.size(), at);
        if (n <= 0) return text;
        text.append(part.data(), static_cast<size_t>(n));
        at += n;
    }
}

std::optional<int> run_role(int argc, char **argv, std::span<const Role> roles) {
    constexpr size_t kLength = sizeof kRoleOption - 1;
    if (argc < 2 || std::strncmp(argv[1], kRoleOption, kLength) != 0) return std::nullopt;
    // Two nets under every wait of the role: it ends with its test, and it ends at all.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(static_cast<unsigned>(patience(300s).count() / 1000));
    for (const Role &role : roles) {
        if (std::strcmp(role.name, argv[1] + kLength) != 0) continue;
        Exchange exchange(kExchangeFd);
        try {
            role.run(exchange);
        } catch (const std::exception &problem) {
            std::printf("role %s: %s\n", role.name, problem.what());
            return 2;
        }
        return ::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
    }
    std::printf("no such role: %s\n", argv[1]);
    return 3;
}

}  // namespace verbs_test
