// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How this library reaches libverbs beside its verbs, and how it says no.
#pragma once

#include <abi/hooks.h>
#include <cerrno>

namespace verbs::compat {

// The private door of libverbs; NULL when the libverbs that is loaded belongs to another release.
const verbs_hooks *hooks();

// Puts `code` into errno and `reason` into verbs_last_error(). Returns `code`.
int refuse(const char *reason, int code = EOPNOTSUPP);

// As refuse, for the case that hooks() is NULL.
int refuse_other_release();

}  // namespace verbs::compat
