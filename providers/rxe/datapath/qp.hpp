// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs: two queues that we fill. The kernel judges states and keys; what it cannot see, or
// would answer with an error of the whole queue pair, is judged while posting.
#pragma once

#include "core/mapping.hpp"
#include "core/slabs.hpp"
#include "core/spin_lock.hpp"
#include "datapath/doorbell.hpp"
#include "datapath/queue.hpp"
#include "datapath/srq.hpp"
#include "uverbs/context.hpp"

#ifdef VERBS_EXPERIMENTAL_ENABLED
#include <verbs/extended_qp.hpp>
#endif

namespace rxe {

#ifdef VERBS_EXPERIMENTAL_ENABLED
using PublicQp = verbs::provider::ExtendedFront;
#else
using PublicQp = ibv_qp;
#endif

// The kernel has atomic writes, and the program asked for them.
inline constexpr uint8_t kAtomicWriter = 1u << 7;

#ifdef VERBS_EXPERIMENTAL_ENABLED
// Requests that are being built, in the queue, and which the kernel does not see yet
// (datapath/build.cpp). Under the queue's lock, which is held all the while.
struct Batch {
    SendWqe *current = nullptr;  // that was begun last
    uint32_t first = 0;          // where the queue stood before
    int error = 0;               // the first failure
    uint16_t takes = 0;          // what may still be said of the current one
    uint16_t owes = 0;           // and what has to be
};
#endif

struct SendQueue {
    verbs::SpinLock lock;  // leaf: the ring
    // Which queue pair, in the table of opcodes (send.cpp); and kAtomicWriter, if it is one.
    uint8_t type_bit = 0;
    uint32_t max_sge = 0;
    uint32_t max_inline = 0;   // bytes
    uint32_t max_message = 0;  // bytes; of a datagram, the MTU of the port
    uint32_t qkey = 0;         // of datagrams that ask for the queue pair's own
    WorkQueue ring;
#ifdef VERBS_EXPERIMENTAL_ENABLED
    Batch batch;
#endif
    SendDoorbell doorbell;
    uint32_t answer = 0;  // to the doorbell: says nothing to us. Each queue has its own cache line.
    verbs::Mapping memory;
};

struct Qp : PublicQp, verbs::InSlabs<Qp> {
    // A plain one has no constructor that would clear it.
    Qp() noexcept : PublicQp{} {}  // NOLINT(readability-redundant-member-init)

    const verbs::uverbs::Context *kernel = nullptr;  // for the long way of commands (doorbell.hpp)
    SendQueue sq;
    ReceiveQueue rq;  // not open with a shared receive queue
    PdUse domain;
};

// The longest message of a connected queue pair (IBTA 9.7.7.1.3: 2^31 bytes).
inline constexpr uint32_t kMaxMessage = 1u << 31;

// Takes over what the kernel has made: the mappings of the queues (that of receives empty with a
// shared receive queue) and its handle. `cap` has what the kernel granted, and receives how many
// requests fit in truth, which is more.
[[nodiscard]] verbs::Result<void> attach(Qp &qp, ibv_qp_type type, uint32_t handle,
                                         verbs::Mapping &&sends, verbs::Mapping &&receives,
                                         ibv_qp_cap &cap);

// Binds a window of type 1 by a request in the send queue; on success mw.rkey is its next key.
[[nodiscard]] verbs::Result<void> bind_mw(Qp &qp, ibv_mw &mw, const ibv_mw_bind &bind);

// Two entries of context->ops.
int post_send(ibv_qp *qp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept;
int post_recv(ibv_qp *qp, ibv_recv_wr *wr, ibv_recv_wr **bad_wr) noexcept;

// Tells the kernel that requests are in the send queue. 0 or an errno value.
[[nodiscard]] int ring_the_long_way(const Qp &qp, int refusal) noexcept;
[[nodiscard]] inline int ring(const Qp &qp) noexcept {
    const int refusal = give(qp.context->cmd_fd, qp.sq.doorbell);
    return refusal == 0 ? 0 : ring_the_long_way(qp, refusal);
}

#ifdef VERBS_EXPERIMENTAL_ENABLED
// Makes a queue pair one that is filled call by call, with these operations, which its type has
// (enum ibv_qp_create_send_ops_flags).
void make_buildable(Qp &qp, ibv_qp_type type, uint64_t operations) noexcept;
#endif

}  // namespace rxe
