// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/failure.hpp"

#include <sys/resource.h>

#include <cstring>

namespace verbs::uverbs {

Failure refused(const char *verb, int code) {
    const std::string start = std::string(verb) + ": ";
    switch (code) {
    case ENOTTY:
    case EPROTONOSUPPORT:
    case EOPNOTSUPP:
    case ENOSYS:
        return fail(EOPNOTSUPP, start + "the kernel or the device's driver does not have this");
    case EIO:
        return fail(EIO, start + "the device was removed, or has failed");
    case ENOMEM:
        return fail(ENOMEM, start + "the kernel has no memory for it" + memlock_advice());
    case E2BIG:
        return fail(E2BIG, start + "more than one command can hold");
    case EPROTO:
        return odd_answer(verb, "not what was asked for");
    default:
        return fail(code, start + "refused by the kernel: " + std::strerror(code));
    }
}

std::string memlock_advice() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
    return "; the limit of locked memory (memlock) is " + std::to_string(limit.rlim_cur) +
           " bytes for all that this process pins: ulimit -l, /etc/security/limits.conf or "
           "LimitMEMLOCK= of its service raises it";
}

Failure odd_answer(const char *verb, const char *what) {
    return fail(EPROTO, std::string(verb) + ": the kernel's answer is odd: " + what);
}

}  // namespace verbs::uverbs
