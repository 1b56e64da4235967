// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains.
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

ibv_pd *ibv_alloc_pd(ibv_context *context) {
    return api::pointer([&]() -> Result<ibv_pd *> {
        VERBS_TRY(self, device::Context::of(context));
        ibv_pd *pd = nullptr;
        VERBS_CHECK(self->call("alloc_pd", self->ops().alloc_pd, &pd));
        VERBS_CHECK(api::delivered(pd, "pd"));
        pd->context = context;
        return pd;
    });
}

int ibv_dealloc_pd(ibv_pd *pd) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        return self->call("dealloc_pd", self->ops().dealloc_pd, pd);
    });
}
