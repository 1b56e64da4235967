// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Work queues, and the tables of them that packets are spread over.
#include "api/boundary.hpp"
#include "caller.hpp"
#include "core/number_of.hpp"
#include "half.hpp"

using namespace verbs;

namespace {

constexpr exp::Member kMembers[] = {
    VERBS_EXP_MEMBER(ibv_wq_init_attr, IBV_WQ_INIT_ATTR_FLAGS, create_flags),
};
constexpr std::size_t kFront =
    offsetof(ibv_wq_init_attr, comp_mask) + sizeof(ibv_wq_init_attr::comp_mask);
constexpr std::uint32_t kChanges = IBV_WQ_ATTR_STATE | IBV_WQ_ATTR_CURR_STATE | IBV_WQ_ATTR_FLAGS;
constexpr std::uint32_t kMostLogEntries = 16;  // no device comes near; the product cannot overflow

Result<ibv_wq_init_attr> checked(const ibv_context *context, const ibv_wq_init_attr &asked) {
    if ((asked.comp_mask & ~exp::known_bits(kMembers)) != 0)
        return fail(EINVAL, "unknown bits in comp_mask");
    const auto attr = exp::whole(asked, exp::known_size(kFront, asked.comp_mask, kMembers));
    if (number_of(attr.wq_type) != IBV_WQT_RQ)
        return fail(EINVAL, "there is no such type of work queue");
    VERBS_CHECK(api::required(attr.pd, "pd"));
    VERBS_CHECK(api::required(attr.cq, "cq"));
    VERBS_CHECK(api::same_device(context, attr.pd, "pd"));
    VERBS_CHECK(api::same_device(context, attr.cq, "cq"));
    return attr;
}

// What is the library's in a queue that a provider made.
void adopt(ibv_wq &wq, ibv_context *context, const ibv_wq_init_attr &attr) {
    wq.context = context;
    wq.wq_context = attr.wq_context;
    wq.pd = attr.pd;
    wq.cq = attr.cq;
    wq.state = IBV_WQS_RESET;
    wq.wq_type = attr.wq_type;
    wq.events_completed = 0;
    ::pthread_mutex_init(&wq.mutex, nullptr);
    ::pthread_cond_init(&wq.cond, nullptr);
}

Result<void> check_table(const ibv_context *context, const ibv_rwq_ind_table_init_attr &attr) {
    if (attr.comp_mask != 0) return fail(EINVAL, "unknown bits in comp_mask");
    if (attr.log_ind_tbl_size > kMostLogEntries) return fail(EINVAL, "the table is too long");
    VERBS_CHECK(api::required(attr.ind_tbl, "ind_tbl"));
    for (std::uint32_t i = 0; i < 1u << attr.log_ind_tbl_size; ++i) {
        VERBS_CHECK(api::required(attr.ind_tbl[i], "a queue in ind_tbl"));
        VERBS_CHECK(api::same_device(context, attr.ind_tbl[i], "a queue in ind_tbl"));
    }
    return {};
}

}  // namespace

ibv_wq *ibv_create_wq(ibv_context *context, ibv_wq_init_attr *wq_init_attr) {
    return api::pointer([&]() -> Result<ibv_wq *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(wq_init_attr, "wq_init_attr"));
        VERBS_TRY(attr, checked(context, *wq_init_attr));
        ibv_wq *wq = nullptr;
        VERBS_CHECK(half.call("create_wq", &verbs_provider_exp_ops::create_wq, &attr, &wq));
        VERBS_CHECK(api::delivered(wq, "wq"));
        adopt(*wq, context, attr);
        wq_init_attr->max_wr = attr.max_wr;
        wq_init_attr->max_sge = attr.max_sge;
        return wq;
    });
}

int ibv_modify_wq(ibv_wq *wq, ibv_wq_attr *wq_attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(wq, "wq"));
        VERBS_TRY(half, exp::Half::of(wq->context));
        VERBS_CHECK(api::required(wq_attr, "wq_attr"));
        if ((wq_attr->attr_mask & ~kChanges) != 0) return fail(EINVAL, "unknown bits in attr_mask");
        VERBS_CHECK(half.call("modify_wq", &verbs_provider_exp_ops::modify_wq, wq, wq_attr));
        if ((wq_attr->attr_mask & IBV_WQ_ATTR_STATE) != 0) wq->state = wq_attr->wq_state;
        return {};
    });
}

int ibv_destroy_wq(ibv_wq *wq) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(wq, "wq"));
        VERBS_TRY(half, exp::Half::of(wq->context));
        return half.call("destroy_wq", &verbs_provider_exp_ops::destroy_wq, wq);
    });
}

ibv_rwq_ind_table *ibv_create_rwq_ind_table(ibv_context *context,
                                            ibv_rwq_ind_table_init_attr *init_attr) {
    return api::pointer([&]() -> Result<ibv_rwq_ind_table *> {
        VERBS_TRY(half, exp::Half::of(context));
        VERBS_CHECK(api::required(init_attr, "init_attr"));
        VERBS_CHECK(check_table(context, *init_attr));
        ibv_rwq_ind_table *table = nullptr;
        VERBS_CHECK(half.call("create_rwq_ind_table", &verbs_provider_exp_ops::create_rwq_ind_table,
                              init_attr, &table));
        VERBS_CHECK(api::delivered(table, "rwq_ind_table"));
        table->context = context;
        return table;
    });
}

int ibv_destroy_rwq_ind_table(ibv_rwq_ind_table *rwq_ind_table) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(rwq_ind_table, "rwq_ind_table"));
        VERBS_TRY(half, exp::Half::of(rwq_ind_table->context));
        return half.call("destroy_rwq_ind_table", &verbs_provider_exp_ops::destroy_rwq_ind_table,
                         rwq_ind_table);
    });
}
