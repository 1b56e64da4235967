// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/xrcd.hpp"

#include "uverbs/create.hpp"
#include "uverbs/destroy.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_open_xrcd) == 16);
static_assert(sizeof(ib_uverbs_open_xrcd_resp) == 4);
static_assert(sizeof(ib_uverbs_close_xrcd) == 4);

Result<std::uint32_t> open_xrcd(const Context &context, int fd, int oflags, const Udata &udata) {
    constexpr const char *kVerb = "open_xrcd";
    ib_uverbs_open_xrcd request{};
    request.fd = static_cast<std::uint32_t>(fd);
    request.oflags = static_cast<std::uint32_t>(oflags);
    ib_uverbs_open_xrcd_resp response{};
    VERBS_CHECK(create(context, kVerb, response.xrcd_handle,
                       write_command(IB_USER_VERBS_CMD_OPEN_XRCD, request, response, udata)));
    return response.xrcd_handle;
}

Result<void> close_xrcd(const Context &context, std::uint32_t xrcd) {
    const ib_uverbs_close_xrcd request{xrcd};
    return destroy(
        context, "close_xrcd",
        {UVERBS_OBJECT_XRCD, UVERBS_METHOD_XRCD_DESTROY, UVERBS_ATTR_DESTROY_XRCD_HANDLE}, xrcd,
        IB_USER_VERBS_CMD_CLOSE_XRCD, request);
}

}  // namespace verbs::uverbs
