// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Binding windows of type 1.
#include "datapath/qp.hpp"

namespace rxe {

using verbs::fail;

verbs::Result<void> bind_mw(Qp &qp, ibv_mw &mw, const ibv_mw_bind &bind) {
    if (mw.pd != qp.pd)
        return fail(EPERM, "window and queue pair are of different protection domains");
    ibv_send_wr wr{};
    wr.wr_id = bind.wr_id;
    wr.opcode = IBV_WR_BIND_MW;
    wr.send_flags = bind.send_flags;
    wr.bind_mw.mw = &mw;
    // The driver takes the low 8 bits from here, and leaves the rest as it is.
    wr.bind_mw.rkey = ibv_inc_rkey(mw.rkey);
    wr.bind_mw.bind_info = bind.bind_info;
    ibv_send_wr *bad = nullptr;
    const int code = post_send(&qp, &wr, &bad);
    if (code == ENOMEM) return fail(code, "the send queue is full");
    if (code == EINVAL)
        return fail(code, "the queue pair cannot bind windows, by its type or in its state");
    if (code != 0) return fail(code, "the kernel does not take requests of this queue pair");
    mw.rkey = wr.bind_mw.rkey;
    return {};
}

}  // namespace rxe
