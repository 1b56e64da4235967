// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The text behind the error number.
#include "api/boundary.hpp"
#include "core/log.hpp"
#include "core/reason.hpp"

#include <infiniband/verbs.h>

const char *verbs_last_error(void) {
    return verbs::reason::text();
}

int verbs::api::boundary::settle_failure(int code, std::string_view phrase) noexcept {
    reason::set(phrase);
    if (code != EAGAIN) VERBS_LOG(info, "api", "%s", reason::text());
    errno = code;
    return code;
}
