// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting sends: judging requests, writing them into the queue, and telling the kernel once per
// call.
#include "core/number_of.hpp"
#include "datapath/fill.hpp"
#include "datapath/qp.hpp"
#include "uverbs/qp.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace rxe {

namespace {

// What a request has beside its data. The first three are what most requests are.
enum class Shape : uint8_t { none, send, rdma, atomic_write, atomic, invalidate, bind };

// Of a size that a pointer is scaled by in one step.
struct alignas(4) Opcode {
    uint8_t types = 0;  // which queue pairs can do it: bits by number of their type
    Shape shape = Shape::none;
    bool may_be_inline = false;
};

constexpr uint8_t kRc = 1u << IBV_QPT_RC;
constexpr uint8_t kUc = 1u << IBV_QPT_UC;
constexpr uint8_t kUd = 1u << IBV_QPT_UD;

// By number of the opcode. An empty line is an opcode that no queue pair of this device has.
constexpr std::array<Opcode, 16> kOpcodes = [] {
    std::array<Opcode, 16> opcodes{};
    opcodes[IBV_WR_SEND] = {kRc | kUc | kUd, Shape::send, true};
    opcodes[IBV_WR_SEND_WITH_IMM] = {kRc | kUc | kUd, Shape::send, true};
    opcodes[IBV_WR_SEND_WITH_INV] = {kRc, Shape::send, true};
    opcodes[IBV_WR_RDMA_WRITE] = {kRc | kUc, Shape::rdma, true};
    opcodes[IBV_WR_RDMA_WRITE_WITH_IMM] = {kRc | kUc, Shape::rdma, true};
    opcodes[IBV_WR_RDMA_READ] = {kRc, Shape::rdma, false};
    opcodes[IBV_WR_ATOMIC_CMP_AND_SWP] = {kRc, Shape::atomic, false};
    opcodes[IBV_WR_ATOMIC_FETCH_AND_ADD] = {kRc, Shape::atomic, false};
    opcodes[IBV_WR_LOCAL_INV] = {kRc, Shape::invalidate, false};
    opcodes[IBV_WR_BIND_MW] = {kRc | kUc, Shape::bind, false};
    opcodes[IBV_WR_ATOMIC_WRITE] = {kAtomicWriter, Shape::atomic_write, true};
    return opcodes;
}();

// False: more than may be inline.
bool copy_inline(const SendQueue &sq, SendWqe &wqe, const ibv_send_wr &wr, uint32_t count,
                 uint64_t &sum) noexcept {
    uint8_t *to = wqe.inline_data();
    uint64_t room = sq.max_inline;
    for (uint32_t i = 0; i < count; ++i) {
        const ibv_sge &sge = wr.sg_list[i];
        if (sge.length == 0) continue;  // its address may be anything
        if (sge.length > room) return false;
        std::memcpy(to, reinterpret_cast<const void *>(sge.addr), sge.length);
        to += sge.length;
        room -= sge.length;
    }
    sum = sq.max_inline - room;
    return true;
}

int fill_data(const SendQueue &sq, SendWqe &wqe, const ibv_send_wr &wr, bool may_be_inline,
              uint64_t &sum) noexcept {
    const auto count = static_cast<uint32_t>(wr.num_sge);
    if (count > sq.max_sge) [[unlikely]]
        return EINVAL;
    sum = 0;
    if ((wr.send_flags & IBV_SEND_INLINE) != 0) {
        if (!may_be_inline || !copy_inline(sq, wqe, wr, count, sum)) return EINVAL;
    } else if (count == 1) {
        wqe.sges()[0] = wr.sg_list[0];
        sum = wr.sg_list[0].length;
    } else {
        for (uint32_t i = 0; i < count; ++i) {
            wqe.sges()[i] = wr.sg_list[i];
            sum += wr.sg_list[i].length;
        }
    }
    if (sum > sq.max_message) [[unlikely]]
        return EMSGSIZE;
    const auto length = static_cast<uint32_t>(sum);
    wqe.dma = {length, length, 0, count, 0, 0};
    return 0;
}

// SENDs, and RDMA.
int fill_message(const SendQueue &sq, SendWqe &wqe, const ibv_send_wr &wr,
                 const Opcode &opcode) noexcept {
    if (opcode.shape == Shape::rdma) {
        fill_rdma(wqe, wr.wr.rdma.remote_addr, wr.wr.rdma.rkey);
    } else if (sq.type_bit == kUd) {
        if (wr.wr.ud.ah == nullptr) return EINVAL;
        const auto &to = wr.wr.ud;
        fill_datagram(sq, wqe.wr, *static_cast<const Ah *>(to.ah), to.remote_qpn, to.remote_qkey);
    }
    uint64_t sum = 0;
    return fill_data(sq, wqe, wr, opcode.may_be_inline, sum);
}

// The rest, out of line so that the above has the registers to itself.
__attribute__((noinline)) int fill_other(const SendQueue &sq, SendWqe &wqe, const ibv_send_wr &wr,
                                         const Opcode &opcode) noexcept {
    uint64_t sum = 0;
    int code = 0;
    switch (opcode.shape) {
    case Shape::atomic_write:  // the value itself is in the slot
        if (wr.wr.rdma.remote_addr % 8 != 0 || (wr.send_flags & IBV_SEND_INLINE) == 0)
            return EINVAL;
        fill_rdma(wqe, wr.wr.rdma.remote_addr, wr.wr.rdma.rkey);
        code = fill_data(sq, wqe, wr, opcode.may_be_inline, sum);
        return code == 0 && sum != sizeof(uint64_t) ? EINVAL : code;
    case Shape::atomic:
        if (wr.wr.atomic.remote_addr % 8 != 0) return EINVAL;
        fill_atomic(wqe, wr.wr.atomic.remote_addr, wr.wr.atomic.compare_add, wr.wr.atomic.swap,
                    wr.wr.atomic.rkey);
        code = fill_data(sq, wqe, wr, opcode.may_be_inline, sum);
        return code == 0 && sum < sizeof(uint64_t) ? EINVAL : code;
    case Shape::bind:
        if (wr.bind_mw.mw == nullptr) return EINVAL;
        fill_bind(wqe, *wr.bind_mw.mw, wr.bind_mw.rkey, wr.bind_mw.bind_info);
        [[fallthrough]];
    default:           // the key to invalidate stands where immediate data does
        wqe.dma = {};  // the kernel judges the count of pieces even where there is no data
        return 0;
    }
}

// Writes one request into the next slot, which stays ours unless all went well.
int fill(SendQueue &sq, const ibv_send_wr &wr) noexcept {
    const auto number = static_cast<uint32_t>(verbs::number_of(wr.opcode));
    if (number >= kOpcodes.size()) [[unlikely]]
        return EINVAL;
    const Opcode &opcode = kOpcodes[number];
    if ((opcode.types & sq.type_bit) == 0) [[unlikely]]
        return EINVAL;
    if (sq.ring.is_full()) [[unlikely]]
        return ENOMEM;
    SendWqe &wqe = *sq.ring.next<SendWqe>();
    const int code = opcode.shape <= Shape::rdma ? fill_message(sq, wqe, wr, opcode)
                                                 : fill_other(sq, wqe, wr, opcode);
    if (code != 0) [[unlikely]]
        return code;
    wqe.wr.wr_id = wr.wr_id;
    wqe.wr.opcode = number;
    wqe.wr.send_flags = wr.send_flags;
    wqe.wr.ex.invalidate_rkey = wr.invalidate_rkey;  // or the immediate data: the same bytes
    wqe.status = 0;
    wqe.state = 0;
    wqe.has_rd_atomic = 0;
    sq.ring.advance();
    return 0;
}

}  // namespace

// When the kernel does not take the command (the device is gone, or there is no memory left), what
// was posted stays in the queue and may still be carried out.
//
// Flat: the compiler would keep apart what it does not see used once, and each call of such a
// function costs a short send a twentieth of its instructions.
[[gnu::flatten]] int post_send(ibv_qp *ibqp, ibv_send_wr *wr, ibv_send_wr **bad_wr) noexcept {
    Qp &qp = *static_cast<Qp *>(ibqp);
    // The kernel would say so too, but only with the requests in its hands.
    if (qp.state < IBV_QPS_RTS) [[unlikely]] {
        *bad_wr = wr;
        return EINVAL;
    }
    SendQueue &sq = qp.sq;
    ibv_send_wr *const first = wr;
    int code = 0;
    sq.lock.lock();
    for (; wr != nullptr; wr = wr->next) {
        code = fill(sq, *wr);
        if (code != 0) [[unlikely]] {
            *bad_wr = wr;
            break;
        }
    }
    sq.ring.publish();
    sq.lock.unlock();
    if (wr == first) return code;
    if (const int refusal = ring(qp); refusal != 0) [[unlikely]] {
        *bad_wr = first;
        return refusal;
    }
    return code;
}

int ring_the_long_way(const Qp &qp, int refusal) noexcept {
    if (refusal != EACCES || qp.kernel == nullptr) return refusal;
    return verbs::uverbs::post_send_doorbell(*qp.kernel, qp.handle);
}

}  // namespace rxe
