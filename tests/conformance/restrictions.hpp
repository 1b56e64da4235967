// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sides in processes that may less than others: roles beside "side", for RemoteSide. All of them
// log at level info.
#pragma once

#include "side.hpp"

namespace verbs_test {

// Nothing is taken away.
void serve_logging_side(Exchange &exchange);
// A filter refuses the calls that copy between processes.
void serve_side_without_copies(Exchange &exchange);
// A user namespace of its own; where that is not allowed, it fails with this text.
inline constexpr char kNoUserNamespace[] = "no user namespace can be made";
void serve_side_in_user_namespace(Exchange &exchange);
// Another user; needs root.
void serve_side_of_nobody(Exchange &exchange);
// The same, and others may not look into its memory.
void serve_undumpable_side_of_nobody(Exchange &exchange);

}  // namespace verbs_test
