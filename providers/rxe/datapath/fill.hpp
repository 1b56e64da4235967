// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a send request says beside its data, written into its slot: each function one part.
#pragma once

#include "datapath/ah.hpp"
#include "datapath/qp.hpp"

namespace rxe {

inline void fill_datagram(const SendQueue &sq, rxe_send_wr &to, const Ah &ah, uint32_t qpn,
                          uint32_t qkey) noexcept {
    to.wr.ud.remote_qpn = qpn;
    // With its top bit set it stands for the queue pair's own (IBTA 10.2.5); the driver does not
    // know that rule.
    to.wr.ud.remote_qkey = (qkey & 0x80000000u) != 0 ? sq.qkey : qkey;
    to.wr.ud.pkey_index = 0;
    to.wr.ud.ah_num = ah.ah_num;
    if (ah.ah_num == 0) to.wr.ud.av = ah.av;
}

inline void fill_rdma(SendWqe &wqe, uint64_t address, uint32_t rkey) noexcept {
    wqe.wr.wr.rdma.remote_addr = wqe.iova = address;
    wqe.wr.wr.rdma.rkey = rkey;
}

inline void fill_atomic(SendWqe &wqe, uint64_t address, uint64_t compare_add, uint64_t swap,
                        uint32_t rkey) noexcept {
    wqe.wr.wr.atomic.remote_addr = wqe.iova = address;
    wqe.wr.wr.atomic.compare_add = compare_add;
    wqe.wr.wr.atomic.swap = swap;
    wqe.wr.wr.atomic.rkey = rkey;
}

inline void fill_bind(SendWqe &wqe, const ibv_mw &mw, uint32_t rkey,
                      const ibv_mw_bind_info &info) noexcept {
    wqe.wr.wr.mw.addr = info.addr;
    wqe.wr.wr.mw.length = info.length;
    wqe.wr.wr.mw.mr_lkey = info.mr != nullptr ? info.mr->lkey : 0;
    wqe.wr.wr.mw.mw_rkey = mw.rkey;
    wqe.wr.wr.mw.rkey = rkey;
    wqe.wr.wr.mw.access = info.mw_access_flags;
}

}  // namespace rxe
