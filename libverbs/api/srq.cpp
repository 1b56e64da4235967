// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues.
#include "api/adopt.hpp"
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

void verbs::api::adopt(device::Context &context, ibv_srq &srq, ibv_pd *pd, void *srq_context) {
    srq.context = &context.handle();
    srq.srq_context = srq_context;
    srq.pd = pd;
    srq.events_completed = 0;
    srq.mutex = PTHREAD_MUTEX_INITIALIZER;
    srq.cond = PTHREAD_COND_INITIALIZER;
    context.events().open(&srq);
}

ibv_srq *ibv_create_srq(ibv_pd *pd, ibv_srq_init_attr *srq_init_attr) {
    return api::pointer([&]() -> Result<ibv_srq *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        VERBS_CHECK(api::required(srq_init_attr, "srq_init_attr"));
        ibv_srq *srq = nullptr;
        VERBS_CHECK(self->call("create_srq", self->ops().create_srq, pd, srq_init_attr, &srq));
        VERBS_CHECK(api::delivered(srq, "srq"));
        api::adopt(*self, *srq, pd, srq_init_attr->srq_context);
        return srq;
    });
}

int ibv_modify_srq(ibv_srq *srq, ibv_srq_attr *srq_attr, int srq_attr_mask) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(srq, "srq"));
        VERBS_CHECK(api::required(srq_attr, "srq_attr"));
        if ((srq_attr_mask & ~(IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT)) != 0)
            return fail(EINVAL, "unknown bits in srq_attr_mask");
        return self->call("modify_srq", self->ops().modify_srq, srq, srq_attr, srq_attr_mask);
    });
}

int ibv_query_srq(ibv_srq *srq, ibv_srq_attr *srq_attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(srq, "srq"));
        VERBS_CHECK(api::required(srq_attr, "srq_attr"));
        return self->call("query_srq", self->ops().query_srq, srq, srq_attr);
    });
}

int ibv_destroy_srq(ibv_srq *srq) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(srq, "srq"));
        const auto before = self->events().before_destroying();
        VERBS_CHECK(self->call("destroy_srq", self->ops().destroy_srq, srq));
        self->events().forget(srq, before);
        return {};
    });
}
