// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The words for the operations of send requests.
#include "api/describe.hpp"

#include <infiniband/verbs_exp.h>

namespace {

constexpr std::array<const char *, IBV_WR_ATOMIC_WRITE + 1> kOpcodes = {
    "rdma-write",
    "rdma-write-with-imm",
    "send",
    "send-with-imm",
    "rdma-read",
    "atomic-cmp-and-swp",
    "atomic-fetch-and-add",
    "local-inv",
    "bind-mw",
    "send-with-inv",
    "tso",
    "driver1",
    nullptr,
    nullptr,
    "flush",
    "atomic-write",
};

}  // namespace

const char *ibv_wr_opcode_str(ibv_wr_opcode opcode) {
    return verbs::api::describe(kOpcodes, opcode);
}
