// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows: making them, and asking for binds of type 1, which the send queue carries out.
#include "control/device.hpp"

#include <mutex>
#include <string>

namespace soft {

using verbs::fail;

Result<ibv_mw *> Device::alloc_mw(ibv_pd *ibpd, int type) {
    if (type == IBV_MW_TYPE_2) return fail(EOPNOTSUPP, "memory windows of type 2 are experimental");
    if (type != IBV_MW_TYPE_1) return fail(EINVAL, "there are memory windows of types 1 and 2");
    return enter_window(*static_cast<Pd *>(ibpd), false);
}

Result<Mw *> Device::enter_window(Pd &pd, bool is_type_2) {
    VERBS_CHECK(judge_faults(Call::alloc_mw));
    VERBS_CHECK(judge_process());
    Owned<Mw>::New mw;
    VERBS_TRY(index, process_->mrs().allot());
    mw->domain = &pd;
    mw->index = index;
    mw->rkey = process_->mrs().next_key(index);
    mw->handle = mw->rkey;
    mw->last_key = mw->rkey;
    mw->is_type_2 = is_type_2;
    if (is_type_2) process_->windows().add(*mw);
    pd.users.fetch_add(1);
    return mws_.keep(std::move(mw));
}

Result<void> Device::bind_mw(ibv_qp *ibqp, ibv_mw *ibmw, ibv_mw_bind *bind) {
    auto &qp = *static_cast<Qp *>(ibqp);
    auto &mw = *static_cast<Mw *>(ibmw);
    const ibv_mw_bind_info &info = bind->bind_info;
    if (qp.is_datagram) return fail(EINVAL, "a datagram queue pair cannot bind windows");
    if (qp.domain_pd == nullptr)
        return fail(EINVAL, "a queue pair that only receives cannot bind windows");
    if (qp.domain_pd->number != mw.domain->number)
        return fail(EPERM, "window and queue pair are of different protection domains");
    const unsigned access = info.mw_access_flags & ~kIgnoredWindowAccess;
    if ((access & ~kWindowAccess) != 0)
        return fail(EINVAL, "mw_access_flags has flags that a window cannot have");
    Binding binding{&mw,    static_cast<Mr *>(info.mr),        info.addr, info.length,
                    access, process_->mrs().next_key(mw.index)};
    const int code = post_bind(qp, binding, bind->wr_id, bind->send_flags);
    if (code == ENOMEM) return fail(code, "the send queue is full");
    if (code != 0) return fail(code, "the queue pair cannot send in its state");
    mw.rkey = binding.key;
    return {};
}

void Device::withdraw(Mw &mw) noexcept {
    if (mw.is_type_2 && !process_->is_inherited())
        return process_->let_go(process_->windows().remove(mw));
    if (mw.bound_key == 0) return;
    if (!process_->is_inherited()) {  // otherwise the key is the parent's
        process_->mrs().close(mw.bound_key);
        process_->await_copies(mw.bound_key);
    }
    mw.region->windows.fetch_sub(1);
    mw.bound_key = 0;
}

void Device::release_windows(Qp &qp) noexcept {
    if (process_->is_inherited()) return;
    {
        const std::lock_guard hold(qp.sq.lock);
        discard_sends(qp);  // binds among them
    }
    Unbound unbound;
    do {
        unbound = process_->windows().unbind_one_of(qp.qp_num);
        process_->let_go(unbound);
    } while (unbound.key != 0);
}

Result<void> Device::dealloc_mw(ibv_mw *ibmw) {
    auto *mw = static_cast<Mw *>(ibmw);
    if (mw->pending.load() != 0) return fail(EBUSY, "a bind of the window is still posted");
    withdraw(*mw);
    if (!process_->is_inherited()) process_->mrs().give_back(mw->index);
    mw->domain->users.fetch_sub(1);
    mws_.remove(mw);
    return {};
}

}  // namespace soft
