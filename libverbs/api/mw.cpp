// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 1.
#include "api/boundary.hpp"
#include "api/handle.hpp"
#include "core/number_of.hpp"

using namespace verbs;

namespace {

Result<void> check_bind(const ibv_mw &mw, const ibv_mw_bind_info &info) {
    if (mw.type != IBV_MW_TYPE_1) return fail(EINVAL, "the window is not of type 1");
    if (info.mr == nullptr && (info.addr != 0 || info.length != 0))
        return fail(EINVAL, "memory is named without a region");
    if (info.mr != nullptr && info.mr->pd != mw.pd)
        return fail(EPERM, "window and region are of different protection domains");
    return {};
}

}  // namespace

ibv_mw *ibv_alloc_mw(ibv_pd *pd, enum ibv_mw_type type) {
    return api::pointer([&]() -> Result<ibv_mw *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        ibv_mw *mw = nullptr;
        VERBS_CHECK(self->call("alloc_mw", self->ops().alloc_mw, pd, number_of(type), &mw));
        VERBS_CHECK(api::delivered(mw, "mw"));
        mw->context = pd->context;
        mw->pd = pd;
        mw->type = type;
        return mw;
    });
}

int ibv_bind_mw(ibv_qp *qp, ibv_mw *mw, ibv_mw_bind *mw_bind) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        VERBS_CHECK(api::required(mw, "mw"));
        VERBS_CHECK(api::same_device(*self, mw, "mw"));
        VERBS_CHECK(api::required(mw_bind, "mw_bind"));
        VERBS_CHECK(check_bind(*mw, mw_bind->bind_info));
        return self->call("bind_mw", self->ops().bind_mw, qp, mw, mw_bind);
    });
}

int ibv_dealloc_mw(ibv_mw *mw) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(mw, "mw"));
        return self->call("dealloc_mw", self->ops().dealloc_mw, mw);
    });
}
