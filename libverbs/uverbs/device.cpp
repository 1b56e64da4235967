// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/device.hpp"

#include "uverbs/failure.hpp"

#include <charconv>

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_query_device) == 8);
static_assert(sizeof(ib_uverbs_query_device_resp) == 176);
static_assert(offsetof(ib_uverbs_query_device_resp, phys_port_cnt) == 171);
static_assert(offsetof(ib_uverbs_ex_query_device_resp, response_length) == 180);
static_assert(sizeof(ib_uverbs_ex_query_device_resp) == 304);

namespace {
// From 0 to the end of response_length: what every kernel with the command answers.
constexpr std::size_t kLeastAnswer = offsetof(ib_uverbs_ex_query_device_resp, odp_caps);
}  // namespace

Result<ib_uverbs_query_device_resp> query_device(const Context &context, const Udata &udata) {
    const ib_uverbs_query_device request{};
    ib_uverbs_query_device_resp response{};
    VERBS_CHECK(context.run(
        "query_device", write_command(IB_USER_VERBS_CMD_QUERY_DEVICE, request, response, udata)));
    return response;
}

Result<ib_uverbs_ex_query_device_resp> query_device_ex(const Context &context, const Udata &udata) {
    constexpr const char *kVerb = "query_device_ex";
    const ib_uverbs_ex_query_device request{};
    ib_uverbs_ex_query_device_resp response{};
    VERBS_CHECK(context.run(
        kVerb, extended_command(IB_USER_VERBS_EX_CMD_QUERY_DEVICE, request, response, udata)));
    if (response.response_length < kLeastAnswer || response.response_length > sizeof response)
        return odd_answer(kVerb, "its length is not that of the answer");
    return response;
}

void write_firmware_version(std::uint64_t version, std::span<char, 24> text) noexcept {
    char *next = text.data();
    char *const end = text.data() + text.size() - 1;  // three numbers of at most 5 digits fit
    for (const unsigned shift : {32u, 16u, 0u}) {
        if (next != text.data()) *next++ = '.';
        next = std::to_chars(next, end, version >> shift & 0xffff).ptr;
    }
    *next = '\0';
}

}  // namespace verbs::uverbs
