// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/failure.hpp"

#include <cstring>
#include <string>

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
    case E2BIG:
        return fail(E2BIG, start + "more than one command can hold");
    case EPROTO:
        return odd_answer(verb, "not what was asked for");
    default:
        return fail(code, start + "refused by the kernel: " + std::strerror(code));
    }
}

Failure odd_answer(const char *verb, const char *what) {
    return fail(EPROTO, std::string(verb) + ": the kernel's answer is odd: " + what);
}

}  // namespace verbs::uverbs
