// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The dma-buf behind device memory.
#include "api/boundary.hpp"
#include "half.hpp"

using namespace verbs;

int ibv_dm_export_dmabuf_fd(ibv_dm *dm) {
    int fd = -1;
    api::minus_one([&]() -> Result<void> {
        VERBS_CHECK(api::required(dm, "dm"));
        VERBS_TRY(half, exp::Half::of(dm->context));
        int exported = -1;
        VERBS_CHECK(half.call("export_dm", &verbs_provider_exp_ops::export_dm, dm, &exported));
        if (exported < 0) return fail(EIO, "the provider delivered no descriptor");
        fd = exported;
        return {};
    });
    return fd;
}
