// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Taking a queue pair through its states. Each step is an attribute block and a mask, so that a
// test can spoil one thing in it before it is used.
#pragma once

#include "device_under_test.hpp"

namespace verbs_test {

// What the other side has to know of a queue pair.
struct QpAddress {
    ibv_gid gid{};
    uint32_t qp_num = 0;
    uint32_t psn = 0;
};

struct PathOptions {
    ibv_mtu mtu = IBV_MTU_1024;
    int qp_access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    uint8_t timeout = 18;  // about a second: a loaded machine is not a lost peer
    uint8_t retry_cnt = 7;
    uint8_t rnr_retry = 7;      // for ever
    uint8_t min_rnr_timer = 1;  // 10 us
    uint8_t rd_atomic = 4;      // in both directions, cut to what the device has
    uint8_t unused[3] = {};     // no padding: this travels between processes
    uint32_t psn = 0x123456;
    uint32_t qkey = 0x11111111;
    int gid_index = -1;  // -1: the usual one of the device
};

struct Step {
    ibv_qp_attr attr{};
    int mask = 0;

    [[nodiscard]] int apply(ibv_qp *qp) { return ibv_modify_qp(qp, &attr, mask); }
    [[nodiscard]] Step without(int bits) const {
        Step copy = *this;
        copy.mask &= ~bits;
        return copy;
    }
};

Step to_state(ibv_qp_state state);
Step rc_init(const PathOptions &options = {});
Step rc_rtr(ibv_context *context, const QpAddress &peer, const PathOptions &options = {});
Step rc_rts(ibv_context *context, const PathOptions &options = {});
// An unreliable connection begins as a reliable one and then needs less.
Step uc_rtr(ibv_context *context, const QpAddress &peer, const PathOptions &options = {});
Step uc_rts(const PathOptions &options = {});
Step ud_init(const PathOptions &options = {});
Step ud_rtr();
Step ud_rts(const PathOptions &options = {});

ibv_ah_attr route_to(ibv_context *context, const ibv_gid &gid, const PathOptions &options = {});
QpAddress address_of(ibv_qp *qp, const PathOptions &options = {});

// RESET to RTS; the first error number on the way, or 0.
int connect_rc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options = {});
int connect_uc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options = {});
int activate_ud(ibv_qp *qp, const PathOptions &options = {});
// From any state to RTS; an error is thrown. An unreliable connection is taken the same way.
void must_connect_rc(ibv_qp *qp, const QpAddress &peer, const PathOptions &options = {});

// The state the device tells, not the one the library remembers.
ibv_qp_state state_of(ibv_qp *qp);

}  // namespace verbs_test
