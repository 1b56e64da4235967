// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Work completions: only the words for them. The completions themselves never pass here.
#include "api/describe.hpp"

#include <infiniband/verbs.h>

namespace {

constexpr std::array<const char *, IBV_WC_TM_RNDV_INCOMPLETE + 1> kStatuses = {
    "success",
    "local length error",
    "local QP operation error",
    "local EE context operation error",
    "local protection error",
    "Work Request Flushed Error",
    "memory management operation error",
    "bad response error",
    "local access error",
    "remote invalid request error",
    "remote access error",
    "remote operation error",
    "transport retry counter exceeded",
    "RNR retry counter exceeded",
    "local RDD violation error",
    "remote invalid RD request",
    "aborted error",
    "invalid EE context number",
    "invalid EE context state",
    "fatal error",
    "response timeout error",
    "general error",
    "TM error",
    "TM software rendezvous",
};

}  // namespace

const char *ibv_wc_status_str(enum ibv_wc_status status) {
    return verbs::api::describe(kStatuses, status);
}
