// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Multicast.
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

int ibv_attach_mcast(ibv_qp *qp, const union ibv_gid *gid, uint16_t lid) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        VERBS_CHECK(api::required(gid, "gid"));
        return self->call("attach_mcast", self->ops().attach_mcast, qp, gid, lid);
    });
}

int ibv_detach_mcast(ibv_qp *qp, const union ibv_gid *gid, uint16_t lid) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        VERBS_CHECK(api::required(gid, "gid"));
        return self->call("detach_mcast", self->ops().detach_mcast, qp, gid, lid);
    });
}
