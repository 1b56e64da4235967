// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Many processes on one host, each connected to each.
#pragma once

#include "side.hpp"

namespace verbs_test {

struct CrowdPlace {
    uint32_t rank = 0;
    uint32_t count = 0;
};

// What one member needs to know of another: its queue pair for him, and the block he may read.
struct CrowdContact {
    QpAddress qp;
    RemotePlace block;
};

// The role of a member.
void serve_crowd(Exchange &exchange);

}  // namespace verbs_test
