// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs.
#include <atomic>

#include "api/adopt.hpp"
#include "api/boundary.hpp"
#include "api/handle.hpp"

using namespace verbs;

namespace {

constexpr int kKnownAttributes = ((IBV_QP_DEST_QPN << 1) - 1) | IBV_QP_RATE_LIMIT;

// Several threads may ask for the state of one QP at once, and each leaves what it learned.
void remember_state(ibv_qp &qp, ibv_qp_state state) {
    std::atomic_ref(qp.state).store(state, std::memory_order_relaxed);
}

}  // namespace

void verbs::api::adopt(device::Context &context, ibv_qp &qp, ibv_pd *pd,
                       const ibv_qp_init_attr &attr) {
    qp.context = &context.handle();
    qp.qp_context = attr.qp_context;
    qp.pd = pd;
    qp.send_cq = attr.send_cq;
    qp.recv_cq = attr.recv_cq;
    qp.srq = attr.srq;
    qp.state = IBV_QPS_RESET;
    qp.qp_type = attr.qp_type;
    qp.events_completed = 0;
    qp.mutex = PTHREAD_MUTEX_INITIALIZER;
    qp.cond = PTHREAD_COND_INITIALIZER;
    context.events().open(&qp);
}

ibv_qp *ibv_create_qp(ibv_pd *pd, ibv_qp_init_attr *qp_init_attr) {
    return api::pointer([&]() -> Result<ibv_qp *> {
        VERBS_TRY(self, api::owner_of(pd, "pd"));
        VERBS_CHECK(api::required(qp_init_attr, "qp_init_attr"));
        VERBS_CHECK(api::same_device(*self, qp_init_attr->send_cq, "send_cq"));
        // Programs built with rdma-core's header make these here too. They receive nothing.
        const bool only_sends = qp_init_attr->qp_type == IBV_QPT_XRC_SEND;
        if (!only_sends) {
            VERBS_CHECK(api::same_device(*self, qp_init_attr->recv_cq, "recv_cq"));
            VERBS_CHECK(api::same_device(*self, qp_init_attr->srq, "srq"));
        }
        ibv_qp *qp = nullptr;
        VERBS_CHECK(self->call("create_qp", self->ops().create_qp, pd, qp_init_attr, &qp));
        VERBS_CHECK(api::delivered(qp, "qp"));
        api::adopt(*self, *qp, pd, *qp_init_attr);
        if (only_sends) [[unlikely]] {
            qp->recv_cq = nullptr;
            qp->srq = nullptr;
        }
        return qp;
    });
}

int ibv_modify_qp(ibv_qp *qp, ibv_qp_attr *attr, int attr_mask) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        VERBS_CHECK(api::required(attr, "attr"));
        if ((attr_mask & ~kKnownAttributes) != 0) return fail(EINVAL, "unknown bits in attr_mask");
        VERBS_CHECK(self->call("modify_qp", self->ops().modify_qp, qp, attr, attr_mask));
        if ((attr_mask & IBV_QP_STATE) != 0) remember_state(*qp, attr->qp_state);
        return {};
    });
}

int ibv_query_qp(ibv_qp *qp, ibv_qp_attr *attr, int attr_mask, ibv_qp_init_attr *init_attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        VERBS_CHECK(api::required(attr, "attr"));
        VERBS_CHECK(api::required(init_attr, "init_attr"));
        VERBS_CHECK(self->call("query_qp", self->ops().query_qp, qp, attr, attr_mask, init_attr));
        // Of what the QP was made with, the provider tells cap and sq_sig_all.
        init_attr->qp_context = qp->qp_context;
        init_attr->send_cq = qp->send_cq;
        init_attr->recv_cq = qp->recv_cq;
        init_attr->srq = qp->srq;
        init_attr->qp_type = qp->qp_type;
        if ((attr_mask & IBV_QP_STATE) != 0) remember_state(*qp, attr->qp_state);
        return {};
    });
}

int ibv_destroy_qp(ibv_qp *qp) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, api::owner_of(qp, "qp"));
        const auto before = self->events().before_destroying();
        VERBS_CHECK(self->call("destroy_qp", self->ops().destroy_qp, qp));
        self->events().forget(qp, before);
        return {};
    });
}
