// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Send requests that are built call by call (struct ibv_qp_ex), in the send queue itself. Its lock
// is held from wr_start to wr_complete or wr_abort, and the kernel sees nothing before.
//
// What a request has to be told is looked at when the next one begins, or none comes. The first
// failure is the batch's, of which nothing is posted then.
#include "datapath/fill.hpp"
#include "datapath/qp.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace rxe {

namespace {

// What a request takes.
constexpr uint16_t kNothing = 0;
constexpr uint16_t kData = 1 << 0;
constexpr uint16_t kInline = 1 << 1;
constexpr uint16_t kAddress = 1 << 2;
constexpr uint16_t kMessage = kData | kInline;
// What it owes beside an address: data of at least 8 bytes, or of just 8.
constexpr uint16_t kWord = 1 << 3;
constexpr uint16_t kWordAlone = 1 << 4;

[[nodiscard]] Qp &own(ibv_qp_ex *qp) noexcept {
    return static_cast<Qp &>(PublicQp::of(qp));
}

__attribute__((noinline)) void fail(SendQueue &sq, int code) noexcept {
    if (sq.batch.error == 0) sq.batch.error = code;
}

__attribute__((noinline)) void judge_debts(SendQueue &sq) noexcept {
    const uint32_t length = sq.batch.current->dma.length;
    const uint16_t owes = std::exchange(sq.batch.owes, kNothing);
    if ((owes & kAddress) != 0 || ((owes & kWord) != 0 && length < sizeof(uint64_t)) ||
        ((owes & kWordAlone) != 0 && length != sizeof(uint64_t)))
        fail(sq, EINVAL);
}

void start(ibv_qp_ex *qp) noexcept {
    SendQueue &sq = own(qp).sq;
    sq.lock.lock();
    sq.batch = {nullptr, sq.ring.position(), 0, kNothing, kNothing};
}

void abort(ibv_qp_ex *qp) noexcept {
    SendQueue &sq = own(qp).sq;
    sq.ring.go_back_to(sq.batch.first);
    sq.lock.unlock();
}

// As with ibv_post_send, when the kernel does not take the command, what was posted stays in the
// queue.
int complete(ibv_qp_ex *extended) noexcept {
    Qp &qp = own(extended);
    SendQueue &sq = qp.sq;
    if (sq.batch.owes != kNothing) [[unlikely]]
        judge_debts(sq);
    int code = sq.batch.error;
    const bool is_empty = sq.ring.position() == sq.batch.first;
    if (code == 0 && !is_empty && qp.state < IBV_QPS_RTS) [[unlikely]]
        code = EINVAL;
    if (code != 0) [[unlikely]]
        sq.ring.go_back_to(sq.batch.first);
    else
        sq.ring.publish();
    sq.lock.unlock();
    return code == 0 && !is_empty ? ring(qp) : code;
}

// The next request, without data. What does not fit is built in the slot that stays free.
SendWqe &begin(SendQueue &sq, const ibv_qp_ex &qp, ibv_wr_opcode opcode, uint16_t takes,
               uint16_t owes = kNothing) noexcept {
    if (sq.batch.owes != kNothing) [[unlikely]]
        judge_debts(sq);
    SendWqe &wqe = *sq.ring.next<SendWqe>();
    if (sq.ring.is_full()) [[unlikely]]
        fail(sq, ENOMEM);
    else
        sq.ring.advance();
    sq.batch.current = &wqe;
    sq.batch.takes = takes;
    sq.batch.owes = owes;
    wqe.wr.wr_id = qp.wr_id;
    wqe.wr.opcode = opcode;
    wqe.wr.send_flags = qp.wr_flags & ~unsigned{IBV_SEND_INLINE};
    wqe.status = 0;
    wqe.state = 0;
    wqe.has_rd_atomic = 0;
    wqe.dma = {};
    return wqe;
}

template <uint16_t owes>
void send(ibv_qp_ex *qp) noexcept {
    begin(own(qp).sq, *qp, IBV_WR_SEND, kMessage | owes, owes);
}
template <uint16_t owes>
void send_imm(ibv_qp_ex *qp, __be32 imm_data) noexcept {
    begin(own(qp).sq, *qp, IBV_WR_SEND_WITH_IMM, kMessage | owes, owes).wr.ex.imm_data = imm_data;
}
void send_inv(ibv_qp_ex *qp, uint32_t rkey) noexcept {
    begin(own(qp).sq, *qp, IBV_WR_SEND_WITH_INV, kMessage).wr.ex.invalidate_rkey = rkey;
}
void rdma_write(ibv_qp_ex *qp, uint32_t rkey, uint64_t address) noexcept {
    fill_rdma(begin(own(qp).sq, *qp, IBV_WR_RDMA_WRITE, kMessage), address, rkey);
}
void rdma_write_imm(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, __be32 imm_data) noexcept {
    SendWqe &wqe = begin(own(qp).sq, *qp, IBV_WR_RDMA_WRITE_WITH_IMM, kMessage);
    fill_rdma(wqe, address, rkey);
    wqe.wr.ex.imm_data = imm_data;
}
void rdma_read(ibv_qp_ex *qp, uint32_t rkey, uint64_t address) noexcept {
    fill_rdma(begin(own(qp).sq, *qp, IBV_WR_RDMA_READ, kData), address, rkey);
}

void atomic(ibv_qp_ex *qp, ibv_wr_opcode opcode, uint32_t rkey, uint64_t address,
            uint64_t compare_add, uint64_t swap) noexcept {
    SendQueue &sq = own(qp).sq;
    fill_atomic(begin(sq, *qp, opcode, kData, kWord), address, compare_add, swap, rkey);
    if (address % sizeof(uint64_t) != 0) fail(sq, EINVAL);
}
void atomic_cmp_swp(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, uint64_t compare,
                    uint64_t swap) noexcept {
    atomic(qp, IBV_WR_ATOMIC_CMP_AND_SWP, rkey, address, compare, swap);
}
void atomic_fetch_add(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, uint64_t add) noexcept {
    atomic(qp, IBV_WR_ATOMIC_FETCH_AND_ADD, rkey, address, add, 0);
}

void bind_window(ibv_qp_ex *qp, ibv_mw *mw, uint32_t rkey, const ibv_mw_bind_info *info) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe &wqe = begin(sq, *qp, IBV_WR_BIND_MW, kNothing);
    if (mw == nullptr) return fail(sq, EINVAL);
    fill_bind(wqe, *mw, rkey, *info);
}
void local_inv(ibv_qp_ex *qp, uint32_t rkey) noexcept {
    begin(own(qp).sq, *qp, IBV_WR_LOCAL_INV, kNothing).wr.ex.invalidate_rkey = rkey;
}

// The request that was begun last, to be told more of what it takes; nullptr: it does not.
SendWqe *continued(SendQueue &sq, uint16_t what) noexcept {
    if ((sq.batch.takes & what) != 0) [[likely]]
        return sq.batch.current;
    fail(sq, EINVAL);
    return nullptr;
}

// The same for data in so many pieces.
SendWqe *continued_with_data(SendQueue &sq, uint16_t what, std::size_t pieces) noexcept {
    SendWqe *const wqe = continued(sq, what);
    if (wqe == nullptr || pieces <= sq.max_sge) [[likely]]
        return wqe;
    fail(sq, EINVAL);
    return nullptr;
}

void set_length(SendQueue &sq, SendWqe &wqe, uint64_t length, uint32_t pieces) noexcept {
    if (length > sq.max_message) [[unlikely]]
        fail(sq, EMSGSIZE);
    wqe.dma.length = wqe.dma.resid = static_cast<uint32_t>(length);
    wqe.dma.num_sge = pieces;
}

// The last call about data counts.
void set_sge(ibv_qp_ex *qp, uint32_t lkey, uint64_t address, uint32_t length) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe *const wqe = continued_with_data(sq, kData, 1);
    if (wqe == nullptr) return;
    wqe->wr.send_flags &= ~unsigned{IBV_SEND_INLINE};
    wqe->sges()[0] = {address, length, lkey};
    set_length(sq, *wqe, length, 1);
}

void set_sge_list(ibv_qp_ex *qp, std::size_t count, const ibv_sge *list) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe *const wqe = continued_with_data(sq, kData, count);
    if (wqe == nullptr) return;
    wqe->wr.send_flags &= ~unsigned{IBV_SEND_INLINE};
    uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
        wqe->sges()[i] = list[i];
        sum += list[i].length;
    }
    set_length(sq, *wqe, sum, static_cast<uint32_t>(count));
}

void set_inline_data(ibv_qp_ex *qp, void *data, std::size_t length) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe *const wqe = continued_with_data(sq, kInline, 1);
    if (wqe == nullptr) return;
    if (length > sq.max_inline) [[unlikely]]
        return fail(sq, EINVAL);
    if (length == sizeof(uint64_t)) [[likely]]
        std::memcpy(wqe->inline_data(), data, sizeof(uint64_t));  // no call
    else if (length != 0)
        std::memcpy(wqe->inline_data(), data, length);
    wqe->wr.send_flags |= IBV_SEND_INLINE;
    set_length(sq, *wqe, length, 1);
}

void set_inline_data_list(ibv_qp_ex *qp, std::size_t count, const ibv_data_buf *list) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe *const wqe = continued_with_data(sq, kInline, 1);
    if (wqe == nullptr) return;
    uint32_t length = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (list[i].length > sq.max_inline - length) [[unlikely]]
            return fail(sq, EINVAL);
        if (list[i].length == 0) continue;  // its address may be anything
        std::memcpy(wqe->inline_data() + length, list[i].addr, list[i].length);
        length += static_cast<uint32_t>(list[i].length);
    }
    wqe->wr.send_flags |= IBV_SEND_INLINE;
    set_length(sq, *wqe, length, 1);
}

void atomic_write(ibv_qp_ex *qp, uint32_t rkey, uint64_t address, const void *value) noexcept {
    SendQueue &sq = own(qp).sq;
    fill_rdma(begin(sq, *qp, IBV_WR_ATOMIC_WRITE, kInline, kWordAlone), address, rkey);
    if (address % sizeof(uint64_t) != 0) fail(sq, EINVAL);
    set_inline_data(qp, const_cast<void *>(value), sizeof(uint64_t));
}

void set_ud_addr(ibv_qp_ex *qp, ibv_ah *ah, uint32_t qpn, uint32_t qkey) noexcept {
    SendQueue &sq = own(qp).sq;
    SendWqe *const wqe = continued(sq, kAddress);
    if (wqe == nullptr || ah == nullptr) return;
    fill_datagram(sq, wqe->wr, *static_cast<const Ah *>(ah), qpn, qkey);
    sq.batch.owes = kNothing;
}

}  // namespace

void make_buildable(Qp &own, ibv_qp_type type, uint64_t operations) noexcept {
    ibv_qp_ex &qp = own.extended();
    const auto fill = [operations](uint64_t operation, auto &slot, auto *function) {
        if ((operations & operation) != 0) slot = function;
    };
    const bool is_datagram = type == IBV_QPT_UD;
    fill(IBV_QP_EX_WITH_SEND, qp.wr_send, is_datagram ? &send<kAddress> : &send<kNothing>);
    fill(IBV_QP_EX_WITH_SEND_WITH_IMM, qp.wr_send_imm,
         is_datagram ? &send_imm<kAddress> : &send_imm<kNothing>);
    fill(IBV_QP_EX_WITH_SEND_WITH_INV, qp.wr_send_inv, &send_inv);
    fill(IBV_QP_EX_WITH_RDMA_WRITE, qp.wr_rdma_write, &rdma_write);
    fill(IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM, qp.wr_rdma_write_imm, &rdma_write_imm);
    fill(IBV_QP_EX_WITH_RDMA_READ, qp.wr_rdma_read, &rdma_read);
    fill(IBV_QP_EX_WITH_ATOMIC_WRITE, qp.wr_atomic_write, &atomic_write);
    fill(IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP, qp.wr_atomic_cmp_swp, &atomic_cmp_swp);
    fill(IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD, qp.wr_atomic_fetch_add, &atomic_fetch_add);
    fill(IBV_QP_EX_WITH_BIND_MW, qp.wr_bind_mw, &bind_window);
    fill(IBV_QP_EX_WITH_LOCAL_INV, qp.wr_local_inv, &local_inv);
    if (is_datagram) qp.wr_set_ud_addr = &set_ud_addr;
    qp.wr_set_sge = &set_sge;
    qp.wr_set_sge_list = &set_sge_list;
    qp.wr_set_inline_data = &set_inline_data;
    qp.wr_set_inline_data_list = &set_inline_data_list;
    qp.wr_start = &start;
    qp.wr_complete = &complete;
    qp.wr_abort = &abort;
}

}  // namespace rxe
