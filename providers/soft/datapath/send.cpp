// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting send requests: judging them, and copying them into the send queue.
#include "datapath/qp.hpp"
#include "datapath/transmit.hpp"
#include "datapath/xrc.hpp"
#include "link/link.hpp"
#include "link/process.hpp"

#include <cerrno>

namespace soft {

namespace {

// What can be told of a bind before its turn comes. 0 or an errno value.
__attribute__((noinline)) int judge_bind(const Qp &qp, const ibv_send_wr &wr) noexcept {
    if (qp.is_datagram || wr.bind_mw.mw == nullptr) return EINVAL;
    if (!static_cast<const Mw *>(wr.bind_mw.mw)->is_type_2) return EOPNOTSUPP;  // ibv_bind_mw does
    const unsigned access = wr.bind_mw.bind_info.mw_access_flags;
    return (access & ~(kWindowAccess | kIgnoredWindowAccess)) != 0 ? EINVAL : 0;
}

// As rdma_rxe has it: what is not 8 aligned bytes is not taken. 0 or an errno value.
__attribute__((noinline)) int judge_atomic_write(const Qp &qp, const ibv_send_wr &wr) noexcept {
    if (!qp.sq.takes_atomic_writes) return EOPNOTSUPP;
    uint64_t length = 0;
    for (int i = 0; i < wr.num_sge; ++i)
        length += wr.sg_list[i].length;
    return length != sizeof(uint64_t) || wr.wr.rdma.remote_addr % sizeof(uint64_t) != 0 ? EINVAL
                                                                                        : 0;
}

// Whether a QP of this kind can do the operation at all. 0 or an errno value.
int judge_opcode(const Qp &qp, const ibv_send_wr &wr, bool is_inline) noexcept {
    switch (wr.opcode) {
    case IBV_WR_SEND:
    case IBV_WR_SEND_WITH_IMM:
        return 0;
    case IBV_WR_RDMA_WRITE:
    case IBV_WR_RDMA_WRITE_WITH_IMM:
        return qp.is_datagram ? EINVAL : 0;
    case IBV_WR_RDMA_READ:
    case IBV_WR_ATOMIC_CMP_AND_SWP:
    case IBV_WR_ATOMIC_FETCH_AND_ADD:
        return !qp.is_reliable || is_inline ? EINVAL : 0;
    case IBV_WR_SEND_WITH_INV:
        return qp.is_reliable ? 0 : EINVAL;
    case IBV_WR_LOCAL_INV:
        return qp.is_datagram ? EINVAL : 0;
    case IBV_WR_BIND_MW:
        return judge_bind(qp, wr);
    case IBV_WR_ATOMIC_WRITE:
        return judge_atomic_write(qp, wr);
    default:
        return EOPNOTSUPP;
    }
}

int judge(const Qp &qp, const ibv_send_wr &wr, uint64_t &length) noexcept {
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    if (state < IBV_QPS_RTS) return EINVAL;  // RESET, INIT, RTR
    if (wr.num_sge < 0 || static_cast<uint32_t>(wr.num_sge) > qp.max_send_sge) return EINVAL;
    const bool is_inline = (wr.send_flags & IBV_SEND_INLINE) != 0;
    if (const int code = judge_opcode(qp, wr, is_inline); code != 0) return code;
    for (int i = 0; i < wr.num_sge; ++i)
        length += wr.sg_list[i].length;
    if (length > (qp.is_datagram ? kDatagramMax : kMessageMax)) return EMSGSIZE;
    if (is_inline && length > qp.max_inline) return EINVAL;
    if (qp.is_datagram && wr.wr.ud.ah == nullptr) return EINVAL;
    return qp.sq.ring.is_full() ? ENOMEM : 0;
}

void take_datagram_path(Qp &qp, SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    const Ah &ah = *static_cast<Ah *>(wr.wr.ud.ah);
    wqe.remote_qpn = wr.wr.ud.remote_qpn;
    // A remote Q_Key with its top bit set means: the QP's own (IBTA 10.2.5).
    wqe.qkey_or_srqn = (wr.wr.ud.remote_qkey & 0x80000000u) != 0
                           ? qp.qkey.load(std::memory_order_relaxed)
                           : wr.wr.ud.remote_qkey;
    wqe.path = ah.path;
}

// The opcodes that do not read or write plainly, nor send: out of line, as what judges them.
__attribute__((noinline)) void take_other_target(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    switch (wr.opcode) {
    case IBV_WR_ATOMIC_CMP_AND_SWP:
    case IBV_WR_ATOMIC_FETCH_AND_ADD:
        wqe.remote_address = wr.wr.atomic.remote_addr;
        wqe.rkey = wr.wr.atomic.rkey;
        wqe.atomic = {wr.wr.atomic.compare_add, wr.wr.atomic.swap};
        break;
    case IBV_WR_ATOMIC_WRITE:
        wqe.opcode = kOpcodeAtomicWrite;
        wqe.remote_address = wr.wr.rdma.remote_addr;
        wqe.rkey = wr.wr.rdma.rkey;
        break;
    case IBV_WR_LOCAL_INV:
        wqe.opcode = kOpcodeInvalidate;
        break;
    case IBV_WR_BIND_MW: {
        const ibv_mw_bind_info &info = wr.bind_mw.bind_info;
        wqe.opcode = kOpcodeBind;
        wqe.binding = {static_cast<Mw *>(wr.bind_mw.mw),
                       static_cast<Mr *>(info.mr),
                       info.addr,
                       info.length,
                       info.mw_access_flags & kWindowAccess,
                       wr.bind_mw.rkey};
        hold_bind(wqe.binding);
        break;
    }
    default:
        break;
    }
}

void take_target(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    if (wr.opcode >= IBV_WR_ATOMIC_CMP_AND_SWP) return take_other_target(wqe, wr);
    wqe.remote_address = wr.wr.rdma.remote_addr;
    wqe.rkey = wr.wr.rdma.rkey;
}

void take_data(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    if (!wqe.is_inline) {
        for (int i = 0; i < wr.num_sge; ++i)
            wqe.sges()[i] = wr.sg_list[i];
        return;
    }
    uint8_t *to = wqe.inline_data();
    for (int i = 0; i < wr.num_sge; ++i) {
        std::memcpy(to, reinterpret_cast<const void *>(wr.sg_list[i].addr), wr.sg_list[i].length);
        to += wr.sg_list[i].length;
    }
}

void take_flags(const Qp &qp, SendWqe &wqe, unsigned send_flags) noexcept {
    wqe.is_signaled = qp.sq.signals_all || (send_flags & IBV_SEND_SIGNALED) != 0;
    wqe.is_inline = (send_flags & IBV_SEND_INLINE) != 0;
    wqe.is_solicited = (send_flags & IBV_SEND_SOLICITED) != 0;
    wqe.is_fenced = (send_flags & IBV_SEND_FENCE) != 0;
    wqe.is_written = false;
}

// A queue in error takes requests only to flush them.
void enter(Qp &qp) noexcept {
    ++qp.sq.ring.tail;
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    if (state == IBV_QPS_ERR || state == IBV_QPS_SQE) flush_sends(qp, qp.sq.untold);
}

// Adds one request to the queue, or says why not.
int enqueue(Qp &qp, const ibv_send_wr &wr) noexcept {
    uint64_t length = 0;
    if (const int code = judge(qp, wr, length); code != 0) return code;
    SendWqe &wqe = qp.sq.ring.at(qp.sq.ring.tail);
    wqe.wr_id = wr.wr_id;
    wqe.length = static_cast<uint32_t>(length);
    wqe.moved = 0;
    wqe.asked = 0;
    wqe.imm_be = wr.imm_data;
    wqe.opcode = static_cast<uint8_t>(wr.opcode);
    wqe.sge_count = static_cast<uint16_t>(wr.num_sge);
    wqe.qkey_or_srqn = 0;
    take_flags(qp, wqe, wr.send_flags);
    if (qp.is_datagram)
        take_datagram_path(qp, wqe, wr);
    else
        take_target(wqe, wr);
    if (qp.is_xrc) wqe.qkey_or_srqn = wr.qp_type.xrc.remote_srqn;
    take_data(wqe, wr);
    enter(qp);
    return 0;
}

// A short inline SEND that has nothing to wait for goes from the program's memory into the ring at
// once: what the engine would do in more steps. False: the engine has to.
bool send_at_once(Qp &qp, const ibv_send_wr &wr) noexcept {
    SendQueue &sq = qp.sq;
    if (wr.opcode != IBV_WR_SEND || wr.num_sge != 1 || !qp.is_reliable || qp.has_faults ||
        !qp.has_one_peer || (wr.send_flags & (IBV_SEND_INLINE | IBV_SEND_FENCE)) != IBV_SEND_INLINE)
        return false;
    const uint32_t length = wr.sg_list->length;
    if (length > qp.max_inline || sq.sent != sq.ring.tail || sq.ring.is_full() ||
        sq.channel == nullptr || qp.now.load(std::memory_order_relaxed) != IBV_QPS_RTS)
        return false;
    Message *message = sq.channel->reserve(length);
    if (message == nullptr) return false;
    SendWqe &wqe = sq.ring.at(sq.ring.tail);
    wqe.wr_id = wr.wr_id;
    wqe.length = length;
    wqe.opcode = IBV_WR_SEND;
    take_flags(qp, wqe, wr.send_flags);
    message->kind = static_cast<uint8_t>(MessageKind::send);
    message->payload = length;
    describe(*message, qp, wqe);
    copy_short(reinterpret_cast<uint8_t *>(message + 1),
               reinterpret_cast<const uint8_t *>(wr.sg_list->addr), length);
    wqe.end = sq.channel->publish(message);
    sq.sent = ++sq.ring.tail;
    return true;
}

// XRC: to the processes that have the receive queues.
void open_xrc_routes(Qp &qp, const ibv_send_wr *wr) noexcept {
    for (; wr != nullptr; wr = wr->next) {
        if (wr->opcode == IBV_WR_LOCAL_INV || wr->opcode == IBV_WR_BIND_MW) continue;
        const uint32_t number = wr->qp_type.xrc.remote_srqn;
        qp.sq.lock.lock();
        const XrcRoute *route = find_route(qp.sq, block_of(number));
        const bool is_known = qp.sq.xrc_routes.empty() || (route != nullptr && !route->is_refused);
        qp.sq.lock.unlock();
        if (!is_known) qp.owner->open_xrc_route(qp, number);
    }
}

// What a QP has no way to yet, or no more, is looked for at each post. Outside the lock: it enters
// the kernel and allocates.
__attribute__((noinline)) void open_ways(Qp &qp, const ibv_send_wr *wr) noexcept {
    if (qp.is_xrc) return open_xrc_routes(qp, wr);
    if (!qp.is_datagram) {
        qp.sq.lock.lock();
        const bool is_lost = qp.sq.channel == nullptr;
        qp.sq.lock.unlock();
        if (is_lost) qp.owner->reconnect(qp);
        return;
    }
    for (; wr != nullptr; wr = wr->next) {
        // Other requests have something else in the place of the address handle.
        const bool is_send = wr->opcode == IBV_WR_SEND || wr->opcode == IBV_WR_SEND_WITH_IMM;
        if (!is_send || wr->wr.ud.ah == nullptr) continue;
        ibv_gid dgid;
        std::memcpy(dgid.raw, static_cast<Ah *>(wr->wr.ud.ah)->path.dgid, sizeof dgid.raw);
        if (is_multicast(dgid.raw)) {
            qp.owner->open_group(qp, dgid);
            continue;
        }
        qp.sq.lock.lock();
        const auto route = qp.sq.routes.find(wr->wr.ud.remote_qpn);
        const bool known = route != qp.sq.routes.end() && route->second != nullptr &&
                           !route->second->link().is_lost();
        qp.sq.lock.unlock();
        if (!known) qp.owner->open_route(qp, wr->wr.ud.remote_qpn, dgid);
    }
}

// Those before `end` were taken.
__attribute__((noinline)) void count_posts(Qp &qp, const ibv_send_wr *wr,
                                           const ibv_send_wr *end) noexcept {
    uint64_t count = 0;
    for (; wr != end; wr = wr->next)
        ++count;
    note_posts(qp, count);
}

// Requests without a completion of their own may be done by now, and leave room.
__attribute__((noinline)) int enqueue_after_all(Qp &qp, const ibv_send_wr &wr) noexcept {
    advance_sends(qp);
    return enqueue(qp, wr);
}

// Those before *bad_wr were taken when it fails. Under the send queue's lock.
int enqueue_list(Qp &qp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept {
    int code = 0;
    bool sent_at_once = false;
    for (; wr != nullptr; wr = wr->next) {
        if (send_at_once(qp, *wr)) {
            sent_at_once = true;
            continue;
        }
        code = enqueue(qp, *wr);
        if (code == ENOMEM) [[unlikely]]
            code = enqueue_after_all(qp, *wr);
        if (code != 0) [[unlikely]] {
            *bad_wr = wr;
            break;
        }
    }
    if (sent_at_once) kick_responder(*qp.sq.channel);
    push_sends(qp);
    return code;
}

}  // namespace

// Flat: the compiler would keep functions apart that post_all calls too, and each call of one costs
// a short send a twentieth of its instructions.
[[gnu::flatten]] int post_send(ibv_qp *ibqp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    if (qp.opens_ways) open_ways(qp, wr);
    qp.sq.lock.lock();
    const int code = enqueue_list(qp, wr, bad_wr);
    qp.sq.lock.unlock();
    if (qp.has_faults) count_posts(qp, wr, code == 0 ? nullptr : *bad_wr);
    return code;
}

#ifdef VERBS_EXPERIMENTAL_ENABLED

namespace {

// What judge() and enqueue_list() look at changes under the lock only, so that nothing which passes
// here is refused then.
__attribute__((noinline)) int judge_list(Qp &qp, const ibv_send_wr *wr, uint32_t count) noexcept {
    if (qp.sq.ring.room() < count) {
        advance_sends(qp);
        if (qp.sq.ring.room() < count) return ENOMEM;
    }
    for (; wr != nullptr; wr = wr->next) {
        uint64_t length = 0;
        if (const int code = judge(qp, *wr, length); code != 0) return code;
    }
    return 0;
}

}  // namespace

// A list of one is judged as it is taken.
[[gnu::flatten]] int post_all(Qp &qp, ibv_send_wr *first, uint32_t count) noexcept {
    ibv_send_wr *bad = nullptr;
    if (qp.opens_ways) open_ways(qp, first);
    qp.sq.lock.lock();
    int code = count == 1 ? 0 : judge_list(qp, first, count);
    if (code == 0) code = enqueue_list(qp, first, &bad);
    qp.sq.lock.unlock();
    if (qp.has_faults && code == 0) count_posts(qp, first, nullptr);
    return code;
}

#endif

int post_bind(Qp &qp, const Binding &binding, uint64_t wr_id, unsigned send_flags) noexcept {
    qp.sq.lock.lock();
    const ibv_qp_state state = qp.now.load(std::memory_order_relaxed);
    int code = 0;
    if (state < IBV_QPS_RTS)
        code = EINVAL;
    else if (qp.sq.ring.is_full())
        code = ENOMEM;
    if (code == 0) {
        hold_bind(binding);
        SendWqe &wqe = qp.sq.ring.at(qp.sq.ring.tail);
        wqe.wr_id = wr_id;
        wqe.length = 0;
        wqe.moved = 0;
        wqe.asked = 0;
        wqe.opcode = kOpcodeBind;
        wqe.sge_count = 0;
        take_flags(qp, wqe, send_flags);
        wqe.binding = binding;
        enter(qp);
        advance_sends(qp);
    }
    qp.sq.lock.unlock();
    return code;
}

}  // namespace soft
