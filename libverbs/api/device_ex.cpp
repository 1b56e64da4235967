// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What a device is, in the words of the extended query.
#include "api/boundary.hpp"
#include "api/handle.hpp"
#include "api/slots.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

using namespace verbs;

namespace {

// Of a provider that tells no more than query_device asks.
Result<void> plain_answer(device::Context &self, ibv_device_attr_ex &attr) {
    VERBS_CHECK(self.call("query_device", self.ops().query_device, &attr.orig_attr));
    attr.device_cap_flags_ex = attr.orig_attr.device_cap_flags;
    attr.phys_port_cnt_ex = attr.orig_attr.phys_port_cnt;
    return {};
}

}  // namespace

int api::query_device_sized(ibv_context *context, const ibv_query_device_ex_input *input,
                            ibv_device_attr_ex *attr, std::size_t size) noexcept {
    return errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(required(attr, "attr"));
        if (input != nullptr && input->comp_mask != 0)
            return fail(EINVAL, "no field of the input is known");
        if (size < offsetof(ibv_device_attr_ex, comp_mask))
            return fail(EINVAL, "attr is too short");
        ibv_device_attr_ex known{};
        const auto slot = self->ops().query_device_ex;
        if (slot == nullptr)
            VERBS_CHECK(plain_answer(*self, known));
        else
            VERBS_CHECK(self->call("query_device_ex", slot, input, &known, sizeof known));
        // A newer caller finds zeros in what this library has never heard of.
        std::memset(attr, 0, size);
        std::memcpy(attr, &known, std::min(size, sizeof known));
        return {};
    });
}

int ibv_query_device_ex(ibv_context *context, const ibv_query_device_ex_input *input,
                        ibv_device_attr_ex *attr) {
    return api::query_device_sized(context, input, attr, sizeof *attr);
}
