// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opening and closing a device.
#include "api/boundary.hpp"
#include "api/handle.hpp"
#include "api/slots.hpp"
#include "device/registry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

using namespace verbs;

namespace {

// Programs built with other headers call these slots instead of the functions.
void fill_slots(device::Context &context) {
    auto &ops = context.handle().ops;
    ops._compat_query_device = &ibv_query_device;
    ops._compat_query_port = &api::query_port_48;
    ops.alloc_mw = &ibv_alloc_mw;
    ops.bind_mw = &ibv_bind_mw;
    ops.dealloc_mw = &ibv_dealloc_mw;
    context.tail().slot(device::kSlotQueryPort) =
        reinterpret_cast<std::uintptr_t>(&api::query_port_sized);
    context.tail().slot(device::kSlotQueryDevice) =
        reinterpret_cast<std::uintptr_t>(&api::query_device_sized);
}

// ibv_device_attr_ex as rdma-core has it since release 30, of which older callers have the front.
struct ExtendedAttr {
    ibv_device_attr orig_attr;
    uint32_t comp_mask;
    std::byte odp_and_clock[44];
    uint64_t device_cap_flags_ex;  // the lower half is that of orig_attr
    std::byte others[108];
    uint32_t phys_port_cnt_ex;
};
static_assert(offsetof(ExtendedAttr, comp_mask) == 232);
static_assert(offsetof(ExtendedAttr, device_cap_flags_ex) == 280);
static_assert(offsetof(ExtendedAttr, phys_port_cnt_ex) == 396 && sizeof(ExtendedAttr) == 400);

}  // namespace

ibv_context *ibv_open_device(ibv_device *device) {
    return api::pointer([&]() -> Result<ibv_context *> {
        VERBS_TRY(found, device::Registry::of_process().find(device));
        VERBS_TRY(context, device::Context::open(std::move(found)));
        fill_slots(*context);
        return &context->handle();
    });
}

int ibv_close_device(ibv_context *context) {
    return api::minus_one([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        return device::Context::close(*self);
    });
}

int ibv_query_device(ibv_context *context, ibv_device_attr *device_attr) {
    return api::errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(api::required(device_attr, "device_attr"));
        ibv_device_attr attr{};
        VERBS_CHECK(self->call("query_device", self->ops().query_device, &attr));
        *device_attr = attr;
        return {};
    });
}

int verbs::api::query_device_sized(ibv_context *context, const void *input, void *attr,
                                   std::size_t size) noexcept {
    return errno_value([&]() -> Result<void> {
        VERBS_TRY(self, device::Context::of(context));
        VERBS_CHECK(required(attr, "attr"));
        uint32_t asked = 0;  // the only member of ibv_query_device_ex_input
        if (input != nullptr) std::memcpy(&asked, input, sizeof asked);
        if (asked != 0) return fail(EINVAL, "no field of the input is known");
        if (size < offsetof(ExtendedAttr, comp_mask)) return fail(EINVAL, "attr is too short");
        ExtendedAttr known{};
        VERBS_CHECK(self->call("query_device", self->ops().query_device, &known.orig_attr));
        known.device_cap_flags_ex = known.orig_attr.device_cap_flags;
        known.phys_port_cnt_ex = known.orig_attr.phys_port_cnt;
        std::memset(attr, 0, size);
        std::memcpy(attr, &known, std::min(size, sizeof known));
        return {};
    });
}
