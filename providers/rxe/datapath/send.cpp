// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Posting sends: judging requests, writing them into the queue, and telling the kernel once per
// call.
#include "datapath/ah.hpp"
#include "datapath/qp.hpp"
#include "uverbs/qp.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace rxe {

namespace {

// What a request has beside its data. The first three are what most requests are.
enum class Shape : uint8_t { none, send, rdma, atomic_write, atomic, invalidate, bind, flush };

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
#ifdef VERBS_HAVE_FLUSH
    opcodes[IBV_WR_FLUSH] = {kRc, Shape::flush, false};
#endif
    opcodes[IBV_WR_ATOMIC_WRITE] = {kAtomicWriter, Shape::atomic_write, true};
    return opcodes;
}();

// Those below write one part of a request each, or refuse it with an errno value.

void fill_datagram(const SendQueue &sq, rxe_send_wr &to, const ibv_send_wr &wr) noexcept {
    const Ah &ah = *static_cast<const Ah *>(wr.wr.ud.ah);
    const uint32_t qkey = wr.wr.ud.remote_qkey;
    to.wr.ud.remote_qpn = wr.wr.ud.remote_qpn;
    // With its top bit set it stands for the queue pair's own (IBTA 10.2.5); the driver does not
    // know that rule.
    to.wr.ud.remote_qkey = (qkey & 0x80000000u) != 0 ? sq.qkey : qkey;
    to.wr.ud.pkey_index = 0;
    to.wr.ud.ah_num = ah.ah_num;
    if (ah.ah_num == 0) to.wr.ud.av = ah.av;
}

void fill_rdma(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    wqe.wr.wr.rdma.remote_addr = wqe.iova = wr.wr.rdma.remote_addr;
    wqe.wr.wr.rdma.rkey = wr.wr.rdma.rkey;
}

void fill_atomic(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    wqe.wr.wr.atomic.remote_addr = wqe.iova = wr.wr.atomic.remote_addr;
    wqe.wr.wr.atomic.compare_add = wr.wr.atomic.compare_add;
    wqe.wr.wr.atomic.swap = wr.wr.atomic.swap;
    wqe.wr.wr.atomic.rkey = wr.wr.atomic.rkey;
}

void fill_bind(SendWqe &wqe, const ibv_mw &mw, uint32_t rkey,
               const ibv_mw_bind_info &info) noexcept {
    wqe.wr.wr.mw.addr = info.addr;
    wqe.wr.wr.mw.length = info.length;
    wqe.wr.wr.mw.mr_lkey = info.mr != nullptr ? info.mr->lkey : 0;
    wqe.wr.wr.mw.mw_rkey = mw.rkey;
    wqe.wr.wr.mw.rkey = rkey;
    wqe.wr.wr.mw.access = info.mw_access_flags;
}

#ifdef VERBS_HAVE_FLUSH
// False: it was not built. Only queue pairs of kernels that know it are made for building it.
bool fill_flush(SendWqe &wqe, const ibv_send_wr &wr) noexcept {
    verbs::provider::Flush flush;
    if (!verbs::provider::take_flush(wr, flush)) return false;
    const FlushPart part{flush.address, flush.length, flush.rkey, flush.type, flush.level, {}};
    std::memcpy(&wqe.wr.wr, &part, sizeof part);
    wqe.iova = flush.address;
    wqe.dma = {flush.length, flush.length, 0, 0, 0, 0};  // where the kernel looks for the length
    return true;
}
#endif

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
        fill_rdma(wqe, wr);
    } else if (sq.type_bit == kUd) {
        if (wr.wr.ud.ah == nullptr) return EINVAL;
        fill_datagram(sq, wqe.wr, wr);
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
        fill_rdma(wqe, wr);
        code = fill_data(sq, wqe, wr, opcode.may_be_inline, sum);
        return code == 0 && sum != sizeof(uint64_t) ? EINVAL : code;
    case Shape::atomic:
        if (wr.wr.atomic.remote_addr % 8 != 0) return EINVAL;
        fill_atomic(wqe, wr);
        code = fill_data(sq, wqe, wr, opcode.may_be_inline, sum);
        return code == 0 && sum < sizeof(uint64_t) ? EINVAL : code;
#ifdef VERBS_HAVE_FLUSH
    case Shape::flush:
        return fill_flush(wqe, wr) ? 0 : EINVAL;
#endif
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
    uint32_t number = 0;
    std::memcpy(&number, &wr.opcode, sizeof number);  // a program may have put any number there
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

__attribute__((noinline)) int ring_the_long_way(const Qp &qp, int refusal) noexcept {
    if (refusal != EACCES || qp.kernel == nullptr) return refusal;
    return verbs::uverbs::post_send_doorbell(*qp.kernel, qp.handle);
}

int ring(const Qp &qp) noexcept {
    const int refusal = give(qp.context->cmd_fd, qp.sq.doorbell);
    return refusal == 0 ? 0 : ring_the_long_way(qp, refusal);
}

}  // namespace

// When the kernel does not take the command (the device is gone, or there is no memory left), what
// was posted stays in the queue and may still be carried out.
//
// Flat: the compiler would keep functions apart that post_all calls too, and each call of one costs
// a short send a twentieth of its instructions.
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

#ifdef VERBS_EXPERIMENTAL_ENABLED
// As above, when the kernel does not take the command, what was posted stays in the queue.
[[gnu::flatten]] int post_all(Qp &qp, ibv_send_wr *first, uint32_t) noexcept {
    if (qp.state < IBV_QPS_RTS) [[unlikely]]
        return EINVAL;
    SendQueue &sq = qp.sq;
    int code = 0;
    uint32_t filled = 0;
    sq.lock.lock();
    for (ibv_send_wr *wr = first; wr != nullptr && code == 0; wr = wr->next) {
        code = fill(sq, *wr);
        if (code == 0) ++filled;
    }
    if (code != 0) [[unlikely]]
        sq.ring.take_back(filled);
    sq.ring.publish();
    sq.lock.unlock();
    return code == 0 ? ring(qp) : code;
}
#endif

}  // namespace rxe
