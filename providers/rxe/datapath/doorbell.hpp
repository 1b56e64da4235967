// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The commands that the data path gives to the kernel: look at the send queue, arm a completion
// queue, flush the receive queue. Each is one write() of bytes that are ready before, in the older
// command ABI, which every kernel with this driver takes; there is no shorter way into it.
//
// The kernel refuses write() (EACCES) to a process that has changed its user since it opened the
// device. Then the command goes the long way, through libverbs/uverbs, in an ioctl.
#pragma once

#include "datapath/layout.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace rxe {

// 0 or an errno value.
template <class Command>
[[nodiscard]] inline int give(int cmd_fd, const Command &command) noexcept {
    return ::write(cmd_fd, &command, sizeof command) == static_cast<ssize_t>(sizeof command)
               ? 0
               : errno;
}

// A post_send command with no request in it: the kernel goes through the queue instead.
struct SendDoorbell {
    ib_uverbs_cmd_hdr header{IB_USER_VERBS_CMD_POST_SEND, 8, 1};
    // Address of the 4 bytes of struct ib_uverbs_post_send_resp. The kernel writes them each time.
    uint64_t response = 0;
    uint32_t qp_handle = 0;
    uint32_t wr_count = 0;
    uint32_t sge_count = 0;
    uint32_t wqe_size = sizeof(ib_uverbs_send_wr);  // the kernel refuses less, even for none
};
static_assert(sizeof(SendDoorbell) == sizeof(ib_uverbs_cmd_hdr) + sizeof(ib_uverbs_post_send));
static_assert(sizeof(SendDoorbell) == 4 * 8);
static_assert(offsetof(SendDoorbell, qp_handle) == 8 + offsetof(ib_uverbs_post_send, qp_handle));
static_assert(offsetof(SendDoorbell, wqe_size) == 8 + offsetof(ib_uverbs_post_send, wqe_size));
static_assert(sizeof(ib_uverbs_post_send_resp) == sizeof(uint32_t));

// Asks for an event at the next completion.
struct NotifyCommand {
    ib_uverbs_cmd_hdr header{IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, 4, 0};
    ib_uverbs_req_notify_cq request{};
};
static_assert(sizeof(NotifyCommand) == 4 * 4);

// Moves a queue pair that is in the error state into the error state.
struct ErrorCommand {
    ib_uverbs_cmd_hdr header{IB_USER_VERBS_CMD_MODIFY_QP, 30, 0};
    uint8_t request[sizeof(ib_uverbs_modify_qp)];  // which ends in an array of no elements
};
static_assert(sizeof(ErrorCommand) == 4 * 30);

}  // namespace rxe
