// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The forwarder of a name that has graduated. Its version here is no default one any more: a
// program that is linked now gets the name of libverbs.so.1, in whatever order it names the two
// libraries.
#pragma once

#include <infiniband/verbs_exp.h>

// Declares exp_NAME, of the type that headers give NAME; programs find it as NAME at VERBS_EXP_0.
#define VERBS_GRADUATED(name)                                                                      \
    extern "C" __attribute__((visibility("default"))) decltype(name) exp_##name;                   \
    asm(".symver exp_" #name ", " #name "@VERBS_EXP_0")
