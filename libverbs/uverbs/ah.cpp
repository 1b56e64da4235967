// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/ah.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_ah_attr) == 32);
static_assert(sizeof(ib_uverbs_create_ah) == 56);
static_assert(sizeof(ib_uverbs_create_ah_resp) == 4);
static_assert(sizeof(ib_uverbs_destroy_ah) == 4);

Result<std::uint32_t> create_ah(const Context &context, std::uint32_t pd, std::uint64_t user_handle,
                                const ib_uverbs_ah_attr &attr, const Udata &udata) {
    constexpr const char *kVerb = "create_ah";
    ib_uverbs_create_ah request{};
    request.user_handle = user_handle;
    request.pd_handle = pd;
    request.attr = attr;
    ib_uverbs_create_ah_resp response{};
    VERBS_CHECK(create(context, kVerb, response.ah_handle,
                       write_command(IB_USER_VERBS_CMD_CREATE_AH, request, response, udata)));
    return response.ah_handle;
}

Result<void> destroy_ah(const Context &context, std::uint32_t ah) {
    const ib_uverbs_destroy_ah request{ah};
    return destroy(context, "destroy_ah",
                   {UVERBS_OBJECT_AH, UVERBS_METHOD_AH_DESTROY, UVERBS_ATTR_DESTROY_AH_HANDLE}, ah,
                   IB_USER_VERBS_CMD_DESTROY_AH, request);
}

}  // namespace verbs::uverbs
