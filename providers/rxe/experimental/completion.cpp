// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues that are polled in steps. The driver makes no difference, and has no clock.
#include "control/device.hpp"

namespace rxe {

namespace {

int take(Cq &cq) noexcept {
    return poll_cq(&cq, 1, &cq.in_hand);
}

}  // namespace

Result<ibv_cq_ex *> RxeDevice::create_cq_ex(ibv_cq_init_attr_ex *attr) {
    VERBS_CHECK(verbs::provider::judge_cq(*attr, verbs::provider::kStandardFields));
    PdUse domain;
    if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) != 0) {
        domain = use(attr->parent_domain);
        if (!static_cast<Pd *>(attr->parent_domain)->base)
            return verbs::fail(EINVAL, "parent_domain is a plain protection domain");
    }
    VERBS_TRY(cq, create_cq(static_cast<int>(attr->cqe), attr->channel,
                            static_cast<int>(attr->comp_vector)));
    static_cast<Cq *>(cq)->domain = std::move(domain);
    return verbs::provider::extend<Cq, take>(*static_cast<Cq *>(cq), *attr);
}

}  // namespace rxe
