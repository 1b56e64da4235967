// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// ibv_query_device_ex, which libverbs.so.1 has, for programs that were linked when it was here.
#include "half.hpp"

#include "graduated.hpp"

#include <cerrno>

using namespace verbs;

VERBS_GRADUATED(ibv_query_device_ex);

int exp_ibv_query_device_ex(ibv_context *context, const ibv_query_device_ex_input *input,
                            ibv_device_attr_ex *attr) {
    const verbs_hooks *const stable = exp::hooks();
    if (stable == nullptr) return errno = ENOSYS;
    return stable->query_device(context, input, attr, sizeof *attr);
}
