// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Counters of the completions of queue pairs.
#include "api/boundary.hpp"
#include "core/number_of.hpp"
#include "half.hpp"

#include <algorithm>
#include <cstring>

using namespace verbs;

namespace {

constexpr std::uint32_t kOperations =
    IBV_QP_ATTACH_COMP_CNTR_OP_SEND | IBV_QP_ATTACH_COMP_CNTR_OP_RECV |
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_READ | IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_READ |
    IBV_QP_ATTACH_COMP_CNTR_OP_RDMA_WRITE | IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE;

using Change = int (*verbs_provider_exp_ops::*)(void *, ibv_comp_cntr *, std::uint64_t);
using Read = int (*verbs_provider_exp_ops::*)(void *, ibv_comp_cntr *, std::uint64_t *);

int change(const char *verb, Change slot, ibv_comp_cntr *comp_cntr, std::uint64_t number) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(comp_cntr, "comp_cntr"));
        VERBS_TRY(half, exp::Half::of(comp_cntr->context));
        return half.call(verb, slot, comp_cntr, number);
    });
}

int read(const char *verb, Read slot, ibv_comp_cntr *comp_cntr, std::uint64_t *value) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(comp_cntr, "comp_cntr"));
        VERBS_CHECK(api::required(value, "value"));
        VERBS_TRY(half, exp::Half::of(comp_cntr->context));
        return half.call(verb, slot, comp_cntr, value);
    });
}

}  // namespace

int _ibv_query_comp_cntr_caps(ibv_context *context, ibv_comp_cntr_caps *caps,
                              std::size_t caps_size) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(caps, "caps"));
        ibv_comp_cntr_caps known{};
        VERBS_CHECK(half.call("query_comp_cntr_caps", &verbs_provider_exp_ops::query_comp_cntr_caps,
                              &known));
        // A caller with a newer header has more of it, of which nothing is known here.
        std::memset(caps, 0, caps_size);
        std::memcpy(caps, &known, std::min(caps_size, sizeof known));
        return {};
    });
}

ibv_comp_cntr *ibv_create_comp_cntr(ibv_context *context, ibv_comp_cntr_init_attr *cc_attr) {
    return api::pointer([&]() -> Result<ibv_comp_cntr *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(cc_attr, "cc_attr"));
        if (cc_attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        if (cc_attr->flags != 0) return fail(EINVAL, "unknown flags");
        if (const int type = number_of(cc_attr->type);
            type != IBV_COMP_CNTR_TYPE_WRS && type != IBV_COMP_CNTR_TYPE_BYTES)
            return fail(EINVAL, "there is no such type of counters");
        ibv_comp_cntr *comp_cntr = nullptr;
        VERBS_CHECK(half.call("create_comp_cntr", &verbs_provider_exp_ops::create_comp_cntr,
                              cc_attr, &comp_cntr));
        VERBS_CHECK(api::delivered(comp_cntr, "comp_cntr"));
        comp_cntr->context = context;
        return comp_cntr;
    });
}

int ibv_destroy_comp_cntr(ibv_comp_cntr *comp_cntr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(comp_cntr, "comp_cntr"));
        VERBS_TRY(half, exp::Half::of(comp_cntr->context));
        return half.call("destroy_comp_cntr", &verbs_provider_exp_ops::destroy_comp_cntr,
                         comp_cntr);
    });
}

int ibv_set_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t value) {
    return change("set_comp_cntr", &verbs_provider_exp_ops::set_comp_cntr, comp_cntr, value);
}

int ibv_set_err_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t value) {
    return change("set_err_comp_cntr", &verbs_provider_exp_ops::set_err_comp_cntr, comp_cntr,
                  value);
}

int ibv_inc_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t amount) {
    return change("inc_comp_cntr", &verbs_provider_exp_ops::inc_comp_cntr, comp_cntr, amount);
}

int ibv_inc_err_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t amount) {
    return change("inc_err_comp_cntr", &verbs_provider_exp_ops::inc_err_comp_cntr, comp_cntr,
                  amount);
}

int ibv_read_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t *value) {
    return read("read_comp_cntr", &verbs_provider_exp_ops::read_comp_cntr, comp_cntr, value);
}

int ibv_read_err_comp_cntr(ibv_comp_cntr *comp_cntr, std::uint64_t *value) {
    return read("read_err_comp_cntr", &verbs_provider_exp_ops::read_err_comp_cntr, comp_cntr,
                value);
}

int ibv_qp_attach_comp_cntr(ibv_qp *qp, ibv_comp_cntr *comp_cntr,
                            ibv_qp_attach_comp_cntr_attr *attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(qp, "qp"));
        VERBS_TRY(half, exp::Half::of(qp->context));
        VERBS_CHECK(api::required(comp_cntr, "comp_cntr"));
        VERBS_CHECK(api::required(attr, "attr"));
        VERBS_CHECK(api::same_device(qp->context, comp_cntr, "comp_cntr"));
        if (attr->comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
        if (attr->op_mask == 0 || (attr->op_mask & ~kOperations) != 0)
            return fail(EINVAL, "op_mask names no operation, or an unknown one");
        return half.call("qp_attach_comp_cntr", &verbs_provider_exp_ops::qp_attach_comp_cntr, qp,
                         comp_cntr, attr);
    });
}
