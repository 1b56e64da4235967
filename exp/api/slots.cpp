// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "slots.hpp"

#include "half.hpp"

#include <cerrno>

using namespace verbs;

namespace {

template <class Function>
void fill(ibv_context *context, std::size_t distance, Function *function) noexcept {
    auto *slot = reinterpret_cast<std::uintptr_t *>(context) - distance / sizeof(std::uintptr_t);
    *slot = reinterpret_cast<std::uintptr_t>(function);
}

}  // namespace

int verbs_exp_private_fill(std::uint32_t version, ibv_context *context) {
    if (version != exp::kFillVersion || exp::hooks() == nullptr) return ENOSYS;
    // Only a context of the libverbs that this library stands on has the room.
    verbs_hooks_experimental half{};
    const int code = exp::hooks()->experimental(context, &half);
    if (code != 0) return code;
#ifdef VERBS_HAVE_RT_VALUES
    fill(context, exp::kSlotQueryRtValues, &ibv_query_rt_values_ex);
#endif
#ifdef VERBS_HAVE_CQ_EX
    fill(context, exp::kSlotCreateCqEx, &ibv_create_cq_ex);
#endif
#ifdef VERBS_HAVE_MODIFY_CQ
    fill(context, exp::kSlotModifyCq, &ibv_modify_cq);
#endif
#ifdef VERBS_HAVE_QP_EX
    fill(context, exp::kSlotCreateQpEx, &ibv_create_qp_ex);
#endif
#ifdef VERBS_HAVE_PARENT_DOMAIN
    fill(context, exp::kSlotAllocTd, &ibv_alloc_td);
    fill(context, exp::kSlotDeallocTd, &ibv_dealloc_td);
    fill(context, exp::kSlotAllocParentDomain, &ibv_alloc_parent_domain);
#endif
#ifdef VERBS_HAVE_SRQ_EX
    fill(context, exp::kSlotCreateSrqEx, &ibv_create_srq_ex);
#endif
#ifdef VERBS_HAVE_TAG_MATCHING
    fill(context, exp::kSlotPostSrqOps, &ibv_post_srq_ops);
#endif
#ifdef VERBS_HAVE_NULL_MR
    fill(context, exp::kSlotAllocNullMr, &ibv_alloc_null_mr);
#endif
#ifdef VERBS_HAVE_MW_TYPE_2
    context->ops.alloc_mw = &verbs_exp_alloc_mw;
#endif
#ifdef VERBS_HAVE_DM
    fill(context, exp::kSlotAllocDm, &ibv_alloc_dm);
    fill(context, exp::kSlotFreeDm, &ibv_free_dm);
    fill(context, exp::kSlotRegDmMr, &ibv_reg_dm_mr);
#endif
#ifdef VERBS_HAVE_XRC
    fill(context, exp::kSlotOpenXrcd, &ibv_open_xrcd);
    fill(context, exp::kSlotCloseXrcd, &ibv_close_xrcd);
    fill(context, exp::kSlotOpenQp, &ibv_open_qp);
    fill(context, exp::kSlotGetSrqNum, &ibv_get_srq_num);
#endif
#ifdef VERBS_HAVE_ADVISE_MR
    fill(context, exp::kSlotAdviseMr, &ibv_advise_mr);
#endif
#ifdef VERBS_HAVE_RATE_LIMIT
    fill(context, exp::kSlotModifyQpRateLimit, &ibv_modify_qp_rate_limit);
#endif
#ifdef VERBS_HAVE_FLOW
    fill(context, exp::kSlotCreateFlow, &ibv_create_flow);
    fill(context, exp::kSlotDestroyFlow, &ibv_destroy_flow);
    fill(context, exp::kSlotCreateFlowActionEsp, &ibv_create_flow_action_esp);
    fill(context, exp::kSlotModifyFlowActionEsp, &ibv_modify_flow_action_esp);
    fill(context, exp::kSlotDestroyFlowAction, &ibv_destroy_flow_action);
#endif
#ifdef VERBS_HAVE_COUNTERS
    fill(context, exp::kSlotCreateCounters, &ibv_create_counters);
    fill(context, exp::kSlotDestroyCounters, &ibv_destroy_counters);
    fill(context, exp::kSlotAttachCountersPointFlow, &ibv_attach_counters_point_flow);
    fill(context, exp::kSlotReadCounters, &ibv_read_counters);
#endif
#ifdef VERBS_HAVE_WQ
    fill(context, exp::kSlotCreateWq, &ibv_create_wq);
    fill(context, exp::kSlotModifyWq, &ibv_modify_wq);
    fill(context, exp::kSlotDestroyWq, &ibv_destroy_wq);
    fill(context, exp::kSlotCreateRwqIndTable, &ibv_create_rwq_ind_table);
    fill(context, exp::kSlotDestroyRwqIndTable, &ibv_destroy_rwq_ind_table);
#endif
    return 0;
}
