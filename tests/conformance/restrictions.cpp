// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Takes rights away from the calling process, before or after it has found the device.
#include "restrictions.hpp"

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace verbs_test {

namespace {

constexpr uid_t kNobody = 65534;

void log_much() {
    // Both are read when the library is first used.
    ::setenv("VERBS_LOG", "info", 1);
    ::unsetenv("VERBS_SOFT_COPY");  // whoever tests without copies tests them here all the same
}

void forbid_copies() {
    constexpr uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, kRefuse),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{program.size(), program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up("PR_SET_NO_NEW_PRIVS");
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) give_up("PR_SET_SECCOMP");
}

void become_nobody(bool is_dumpable) {
    device_under_test();  // what has to be read from files may lie where nobody may look
    if (::setgroups(0, nullptr) != 0) give_up("setgroups");
    if (::setresgid(kNobody, kNobody, kNobody) != 0) give_up("setresgid");
    if (::setresuid(kNobody, kNobody, kNobody) != 0) give_up("setresuid");
    // Both are lost with the user.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up("PR_SET_PDEATHSIG");
    if (::prctl(PR_SET_DUMPABLE, is_dumpable ? 1 : 0) != 0) give_up("PR_SET_DUMPABLE");
}

}  // namespace

void serve_logging_side(Exchange &exchange) {
    log_much();
    serve_side(exchange);
}

void serve_side_without_copies(Exchange &exchange) {
    log_much();
    forbid_copies();
    serve_side(exchange);
}

void serve_side_in_user_namespace(Exchange &exchange) {
    log_much();
    if (::unshare(CLONE_NEWUSER) != 0) give_up(kNoUserNamespace);
    serve_side(exchange);
}

void serve_side_of_nobody(Exchange &exchange) {
    log_much();
    become_nobody(true);
    serve_side(exchange);
}

void serve_undumpable_side_of_nobody(Exchange &exchange) {
    log_much();
    become_nobody(false);
    serve_side(exchange);
    ::prctl(PR_SET_DUMPABLE, 1);  // leak checkers look at their own process at its end
}

}  // namespace verbs_test
