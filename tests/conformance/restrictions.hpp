// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sides in processes that may less than others: roles beside "side", for RemoteSide. All of them
// log at level info.
#pragma once

#include "side.hpp"

#include <optional>
#include <string>

namespace verbs_test {

// Nothing is taken away.
void serve_logging_side(Exchange &exchange);
// A filter refuses the calls that copy between processes.
void serve_side_without_copies(Exchange &exchange);
// A user namespace of its own.
void serve_side_in_user_namespace(Exchange &exchange);
// Another user; needs root.
void serve_side_of_nobody(Exchange &exchange);
// The same, and others may not look into its memory.
void serve_undumpable_side_of_nobody(Exchange &exchange);

// Why a process may not have a user namespace of its own here, or nothing when it may.
std::optional<std::string> user_namespaces_are_refused();

}  // namespace verbs_test
