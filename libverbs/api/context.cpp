// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Opening and closing a device.
#include "api/boundary.hpp"
#include "api/handle.hpp"
#include "api/slots.hpp"
#include "device/registry.hpp"

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
