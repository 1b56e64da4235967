// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/pd.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_alloc_pd) == 8);
static_assert(sizeof(ib_uverbs_alloc_pd_resp) == 4);
static_assert(sizeof(ib_uverbs_dealloc_pd) == 4);

Result<std::uint32_t> alloc_pd(const Context &context, const Udata &udata) {
    constexpr const char *kVerb = "alloc_pd";
    const ib_uverbs_alloc_pd request{};
    ib_uverbs_alloc_pd_resp response{};
    VERBS_CHECK(create(context, kVerb, response.pd_handle,
                       write_command(IB_USER_VERBS_CMD_ALLOC_PD, request, response, udata)));
    return response.pd_handle;
}

Result<void> dealloc_pd(const Context &context, std::uint32_t pd) {
    const ib_uverbs_dealloc_pd request{pd};
    return destroy(context, "dealloc_pd",
                   {UVERBS_OBJECT_PD, UVERBS_METHOD_PD_DESTROY, UVERBS_ATTR_DESTROY_PD_HANDLE}, pd,
                   IB_USER_VERBS_CMD_DEALLOC_PD, request);
}

}  // namespace verbs::uverbs
