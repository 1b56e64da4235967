// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains, memory regions, memory windows.
#include "control/device.hpp"
#include "uverbs/mr.hpp"
#include "uverbs/mw.hpp"
#include "uverbs/pd.hpp"

#include <string>

namespace rxe {

Result<ibv_pd *> RxeDevice::alloc_pd() {
    Owned<Pd>::New pd;
    VERBS_TRY(handle, verbs::uverbs::alloc_pd(kernel_));
    pd->handle = handle;
    return pds_.keep(std::move(pd));
}

Result<void> RxeDevice::dealloc_pd(ibv_pd *ibpd) {
    auto *pd = static_cast<Pd *>(ibpd);
    // The kernel counts too, but knows neither what is made in a parent domain nor these.
    if (const uint32_t users = pd->users.load(); users != 0)
        return verbs::fail(EBUSY,
                           std::to_string(users) + " objects still use the protection domain");
    if (!pd->base) VERBS_CHECK(verbs::uverbs::dealloc_pd(kernel_, pd->handle));
    pds_.remove(pd);
    return {};
}

Result<ibv_mr *> RxeDevice::reg_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                   int access) {
    Owned<Mr>::New mr;
    VERBS_TRY(made, verbs::uverbs::reg_mr(kernel_, pd->handle, addr, length, iova,
                                          static_cast<uint32_t>(access)));
    mr->handle = made.handle;
    mr->lkey = made.lkey;
    mr->rkey = made.rkey;
    mr->domain = use(pd);
    return mrs_.keep(std::move(mr));
}

Result<void> RxeDevice::rereg_mr(ibv_mr *mr, int flags, ibv_pd *pd, void *addr, size_t length,
                                 int access) {
    verbs::uverbs::MrChange change;
    if ((flags & IBV_REREG_MR_CHANGE_TRANSLATION) != 0)
        change.translation = {addr, length, reinterpret_cast<uintptr_t>(addr)};
    if ((flags & IBV_REREG_MR_CHANGE_PD) != 0) change.pd = pd->handle;
    if ((flags & IBV_REREG_MR_CHANGE_ACCESS) != 0) change.access = static_cast<uint32_t>(access);
    VERBS_TRY(keys, verbs::uverbs::rereg_mr(kernel_, mr->handle, change));
    mr->lkey = keys.lkey;
    mr->rkey = keys.rkey;
    if (change.pd) static_cast<Mr *>(mr)->domain = use(pd);
    return {};
}

Result<void> RxeDevice::dereg_mr(ibv_mr *mr) {
    VERBS_CHECK(verbs::uverbs::dereg_mr(kernel_, mr->handle));
    mrs_.remove(static_cast<Mr *>(mr));
    return {};
}

Result<ibv_mw *> RxeDevice::alloc_mw(ibv_pd *pd, int type) {
    Owned<Mw>::New mw;
    VERBS_TRY(made, verbs::uverbs::alloc_mw(kernel_, pd->handle, static_cast<uint8_t>(type)));
    mw->handle = made.handle;
    mw->rkey = made.rkey;
    mw->domain = use(pd);
    return mws_.keep(std::move(mw));
}

Result<void> RxeDevice::bind_mw(ibv_qp *qp, ibv_mw *mw, ibv_mw_bind *bind) {
    return rxe::bind_mw(*static_cast<Qp *>(qp), *mw, *bind);
}

Result<void> RxeDevice::dealloc_mw(ibv_mw *mw) {
    VERBS_CHECK(verbs::uverbs::dealloc_mw(kernel_, mw->handle));
    mws_.remove(static_cast<Mw *>(mw));
    return {};
}

}  // namespace rxe
