// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/mw.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_alloc_mw) == 16);
static_assert(sizeof(ib_uverbs_alloc_mw_resp) == 8);
static_assert(sizeof(ib_uverbs_dealloc_mw) == 4);

Result<Mw> alloc_mw(const Context &context, std::uint32_t pd, std::uint8_t type,
                    const Udata &udata) {
    constexpr const char *kVerb = "alloc_mw";
    ib_uverbs_alloc_mw request{};
    request.pd_handle = pd;
    request.mw_type = type;
    ib_uverbs_alloc_mw_resp response{};
    VERBS_CHECK(create(context, kVerb, response.mw_handle,
                       write_command(IB_USER_VERBS_CMD_ALLOC_MW, request, response, udata)));
    return Mw{response.mw_handle, response.rkey};
}

Result<void> dealloc_mw(const Context &context, std::uint32_t mw) {
    const ib_uverbs_dealloc_mw request{mw};
    return destroy(context, "dealloc_mw",
                   {UVERBS_OBJECT_MW, UVERBS_METHOD_MW_DESTROY, UVERBS_ATTR_DESTROY_MW_HANDLE}, mw,
                   IB_USER_VERBS_CMD_DEALLOC_MW, request);
}

}  // namespace verbs::uverbs
