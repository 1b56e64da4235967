// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a device is, in the words of the extended query.
#include "api/boundary.hpp"
#include "half.hpp"
#include "slots.hpp"

#include <cstring>

using namespace verbs;

int exp::query_device_sized(ibv_context *context, const ibv_query_device_ex_input *input,
                            ibv_device_attr_ex *attr, std::size_t size) noexcept {
    return api::errno_value([&]() -> Result<void> {
        VERBS_CHECK(api::required(attr, "attr"));
        if (size < offsetof(ibv_device_attr_ex, comp_mask))
            return fail(EINVAL, "attr is too short");
        if (input != nullptr && input->comp_mask != 0)
            return fail(EINVAL, "no field of the input is known");
        const auto half = Half::of(context);
        // A device that tells no more than ibv_query_device does is asked in that way.
        if (!half && half.error().code != EOPNOTSUPP) return Failure(half.error());
        if (!half || !half->has(&verbs_provider_exp_ops::query_device_ex))
            return settled(hooks()->query_device(context, input, attr, size));
        ibv_device_attr_ex known{};
        VERBS_CHECK(half->call("query_device_ex", &verbs_provider_exp_ops::query_device_ex, input,
                               &known, sizeof known));
        std::memset(attr, 0, size);
        std::memcpy(attr, &known, std::min(size, sizeof known));
        return {};
    });
}

int ibv_query_device_ex(ibv_context *context, const ibv_query_device_ex_input *input,
                        ibv_device_attr_ex *attr) {
    return exp::query_device_sized(context, input, attr, sizeof *attr);
}
