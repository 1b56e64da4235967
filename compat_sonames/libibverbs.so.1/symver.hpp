// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two macros that tell apart the names that this library and libverbs share: VERBS_SYMVER gives
// a function of ours its name and node, VERBS_IMPORT reaches libverbs's function of the same name.
//
// Traps that both were built around:
// - A name with an old and a new version needs a tag on both (@@ on the new one): a tag on the old
//   one alone is dropped by the linker without a word.
// - g++ has __attribute__((symver)), but only for definitions, and clang 14 has none: the assembler
//   directive serves both compilers. It does not survive link time optimisation.
// - ld.bfd binds an undefined `name@VERBS_1.0` to our own `name@@IBVERBS_1.1` when it finds
//   `name@@VERBS_1.0` in a library it links: a function that forwards then calls itself for ever.
//   So no function of libverbs is imported under a name that is ours as well, but all of them as
//   one table. imports_test.py watches the outcome.
#pragma once

#include <abi/verbs_table.hpp>

#define VERBS_VISIBLE extern "C" __attribute__((visibility("default")))
#define VERBS_SYMVER_TAG(function, name, version) asm(".symver " #function ", " #name version)

// Declares compat_NAME, of the type that headers give NAME; programs find it as NAME at the
// version, which is "@@NODE", or "@NODE" for a name that has a newer version too.
#define VERBS_SYMVER(name, version)                                                                \
    VERBS_VISIBLE decltype(name) compat_##name;                                                    \
    VERBS_SYMVER_TAG(compat_##name, name, version)

// Declares stable_NAME: libverbs's NAME.
#define VERBS_IMPORT(name) static constexpr auto &stable_##name = verbs_private_table_1.name
