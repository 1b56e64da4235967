// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/comp_channel.hpp"

#include "uverbs/failure.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_create_comp_channel) == 8);
static_assert(sizeof(ib_uverbs_create_comp_channel_resp) == 4);

Result<UniqueFd> create_comp_channel(const Context &context) {
    constexpr const char *kVerb = "create_comp_channel";
    const ib_uverbs_create_comp_channel request{};
    ib_uverbs_create_comp_channel_resp response{};
    response.fd = UINT32_MAX;
    VERBS_CHECK(context.run(
        kVerb, write_command(IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL, request, response)));
    const int fd = static_cast<int>(response.fd);
    if (fd < 0 || fd == context.fd() || fd == context.async_fd())
        return odd_answer(kVerb, "no descriptor for what was created");
    return UniqueFd(fd);
}

}  // namespace verbs::uverbs
