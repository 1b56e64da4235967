// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process that looks for a queue pair with a number that another process had. There are some
// thousand numbers to begin with: it takes any of a few that it is given.
#pragma once

#include "side.hpp"

namespace verbs_test {

// So often the device is opened to find one. With 16 of 4,095 numbers that fails once in 10^8 runs.
inline constexpr int kRebirths = 5000;

// How its send and its receive ended.
struct Rebirth {
    ibv_wc_status sent = IBV_WC_SUCCESS;
    ibv_wc_status received = IBV_WC_SUCCESS;
};

// The role.
void serve_reborn(Exchange &exchange);

}  // namespace verbs_test
