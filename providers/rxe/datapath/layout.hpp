// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What lies in the queues that rdma_rxe shares with us, byte by byte. The kernel's header says it
// in terms of flexible arrays inside of unions, which C++ places elsewhere than C does: structs
// that end in one are declared here without it.
#pragma once

// Before the kernel's own definition of the socket addresses, which gives way to it.
#include <netinet/in.h>

#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_rxe.h>

#include <cstddef>
#include <cstdint>

namespace rxe {

// struct rxe_dma_info without the pieces (or the inline data) behind it.
struct DmaInfo {
    uint32_t length;  // bytes of all pieces together
    uint32_t resid;   // of these, not moved yet: the kernel counts it down
    uint32_t cur_sge;
    uint32_t num_sge;
    uint32_t sge_offset;
    uint32_t reserved;
};
static_assert(sizeof(DmaInfo) == 24);

// struct rxe_send_wqe; the pieces or the inline data follow.
struct SendWqe {
    rxe_send_wr wr;
    uint32_t status;
    uint32_t state;  // 0: posted. From then on the kernel's.
    uint64_t iova;   // where the next packet reads or writes: at first the remote address
    uint32_t mask;
    uint32_t first_psn;
    uint32_t last_psn;
    uint32_t ack_length;
    uint32_t ssn;
    uint32_t has_rd_atomic;  // the kernel's, but taken as it is found: has to be 0
    DmaInfo dma;

    [[nodiscard]] ibv_sge *sges() noexcept { return reinterpret_cast<ibv_sge *>(this + 1); }
    [[nodiscard]] uint8_t *inline_data() noexcept { return reinterpret_cast<uint8_t *>(this + 1); }
};
static_assert(sizeof(rxe_av) == 88);
static_assert(offsetof(rxe_send_wr, opcode) == 12 && offsetof(rxe_send_wr, send_flags) == 16);
static_assert(offsetof(rxe_send_wr, ex) == 20 && offsetof(rxe_send_wr, wr) == 24);
static_assert(offsetof(rxe_send_wr, wr.rdma.rkey) == 32);
static_assert(offsetof(rxe_send_wr, wr.atomic.rkey) == 48);
static_assert(offsetof(rxe_send_wr, wr.ud.ah_num) == 36 && offsetof(rxe_send_wr, wr.ud.av) == 56);
static_assert(offsetof(rxe_send_wr, wr.mw.mr_lkey) == 40 &&
              offsetof(rxe_send_wr, wr.mw.access) == 52);
static_assert(sizeof(rxe_send_wr) == 144);
static_assert(offsetof(SendWqe, status) == 144 && offsetof(SendWqe, iova) == 152);
static_assert(offsetof(SendWqe, has_rd_atomic) == 180 && offsetof(SendWqe, dma) == 184);
static_assert(sizeof(SendWqe) == 208);

// The flush of rxe_send_wr.wr, which headers of kernels before 6.2 do not have.
struct FlushPart {
    uint64_t remote_addr;
    uint32_t length;
    uint32_t rkey;
    uint8_t type;
    uint8_t level;
    uint8_t reserved[6];
};
static_assert(offsetof(FlushPart, rkey) == 12 && offsetof(FlushPart, level) == 17);
static_assert(sizeof(FlushPart) == 24 && sizeof(FlushPart) <= sizeof(rxe_send_wr::wr));

// struct rxe_recv_wqe; the pieces follow.
struct RecvWqe {
    uint64_t wr_id;
    uint32_t reserved;
    uint32_t padding;
    DmaInfo dma;

    [[nodiscard]] ibv_sge *sges() noexcept { return reinterpret_cast<ibv_sge *>(this + 1); }
};
static_assert(offsetof(RecvWqe, dma) == 16 && sizeof(RecvWqe) == 40);

// Pieces of memory are the same to programs and to the kernel.
static_assert(sizeof(ibv_sge) == sizeof(rxe_sge) && sizeof(ibv_sge) == 16);
static_assert(offsetof(ibv_sge, length) == offsetof(rxe_sge, length));
static_assert(offsetof(ibv_sge, lkey) == offsetof(rxe_sge, lkey));

// So are opcodes of requests.
static_assert(static_cast<int>(IBV_WR_RDMA_WRITE) == IB_UVERBS_WR_RDMA_WRITE);
static_assert(static_cast<int>(IBV_WR_SEND_WITH_IMM) == IB_UVERBS_WR_SEND_WITH_IMM);
static_assert(static_cast<int>(IBV_WR_RDMA_READ) == IB_UVERBS_WR_RDMA_READ);
static_assert(static_cast<int>(IBV_WR_ATOMIC_FETCH_AND_ADD) == IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD);
static_assert(static_cast<int>(IBV_WR_LOCAL_INV) == IB_UVERBS_WR_LOCAL_INV);
static_assert(static_cast<int>(IBV_WR_BIND_MW) == IB_UVERBS_WR_BIND_MW);
static_assert(static_cast<int>(IBV_WR_SEND_WITH_INV) == IB_UVERBS_WR_SEND_WITH_INV);

// And completions, up to the flags.
static_assert(sizeof(ib_uverbs_wc) == sizeof(ibv_wc) && sizeof(ibv_wc) == 48);
static_assert(offsetof(ib_uverbs_wc, status) == offsetof(ibv_wc, status));
static_assert(offsetof(ib_uverbs_wc, opcode) == offsetof(ibv_wc, opcode));
static_assert(offsetof(ib_uverbs_wc, vendor_err) == offsetof(ibv_wc, vendor_err));
static_assert(offsetof(ib_uverbs_wc, byte_len) == offsetof(ibv_wc, byte_len));
static_assert(offsetof(ib_uverbs_wc, ex) == offsetof(ibv_wc, imm_data));
static_assert(offsetof(ib_uverbs_wc, qp_num) == offsetof(ibv_wc, qp_num));
static_assert(offsetof(ib_uverbs_wc, src_qp) == offsetof(ibv_wc, src_qp));
static_assert(offsetof(ib_uverbs_wc, wc_flags) == offsetof(ibv_wc, wc_flags));
static_assert(offsetof(ib_uverbs_wc, pkey_index) == offsetof(ibv_wc, pkey_index));
static_assert(offsetof(ib_uverbs_wc, slid) == offsetof(ibv_wc, slid));
static_assert(offsetof(ib_uverbs_wc, sl) == offsetof(ibv_wc, sl));
static_assert(offsetof(ib_uverbs_wc, dlid_path_bits) == offsetof(ibv_wc, dlid_path_bits));
static_assert(static_cast<int>(IBV_WC_LOCAL_INV) == IB_UVERBS_WC_LOCAL_INV);

// Bits of wc_flags as this driver writes them, which are those inside of the kernel. Programs know
// the third and the fourth the other way round.
inline constexpr uint32_t kKernelWithInvalidate = 1u << 2;
inline constexpr uint32_t kKernelChecksumOk = 1u << 3;

}  // namespace rxe
