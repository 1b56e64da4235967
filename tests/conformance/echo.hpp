// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Ping-pong between two processes that each run on their own, polling or sleeping on events.
#pragma once

#include "side.hpp"

namespace verbs_test {

struct PingPong {
    ibv_qp_type type = IBV_QPT_RC;
    int sleeps = 0;  // nonzero: on a completion channel instead of polling
    int rounds = 1;
    uint32_t size = 64;  // bytes of each message
};

// One of the two players; the other one runs serve_echo. Throws when a message is late or wrong.
void play_ping_pong(ibv_context *context, Exchange &exchange, const PingPong &game, bool begins);

// The role of the second player.
void serve_echo(Exchange &exchange);

// Waits for a readable descriptor; false when the time is up.
bool wait_readable(int fd, Milliseconds limit = patience());
void make_nonblocking(int fd);

}  // namespace verbs_test
