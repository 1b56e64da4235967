// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The device list, and what can be asked of a device before it is opened.
#include "api/boundary.hpp"
#include "api/describe.hpp"
#include "api/handle.hpp"
#include "device/registry.hpp"

using namespace verbs;

namespace {

constexpr std::array<const char *, IBV_NODE_UNSPECIFIED + 1> kNodeTypes = {
    nullptr,
    "InfiniBand channel adapter",
    "InfiniBand switch",
    "InfiniBand router",
    "iWARP NIC",
    "usNIC",
    "usNIC UDP",
    "unspecified",
};

}  // namespace

ibv_device **ibv_get_device_list(int *num_devices) {
    if (num_devices != nullptr) *num_devices = 0;
    return api::pointer([&]() -> Result<ibv_device **> {
        auto &registry = device::Registry::of_process();
        int count = 0;
        VERBS_TRY(list, registry.list(count));
        if (num_devices != nullptr) *num_devices = count;
        // To have no device, or not all of them, is no failure; but somebody will ask why.
        if (count == 0)
            reason::set(registry.why_empty());
        else if (const auto problems = registry.kernel_problems(); !problems.empty())
            reason::set(problems);
        return list;
    });
}

void ibv_free_device_list(ibv_device **list) {
    api::nothing([&]() -> Result<void> {
        if (list == nullptr) return {};
        return device::Registry::of_process().free_list(list);
    });
}

const char *ibv_get_device_name(ibv_device *device) {
    return api::pointer([&]() -> Result<const char *> {
        VERBS_CHECK(api::required(device, "device"));
        return device->name;
    });
}

__be64 ibv_get_device_guid(ibv_device *device) {
    return api::value_or(__be64{0}, [&]() -> Result<__be64> {
        VERBS_TRY(found, device::Registry::of_process().find(device));
        return found->announced().node_guid_be;
    });
}

int ibv_get_device_index(ibv_device *device) {
    return api::value_or(-1, [&]() -> Result<int> {
        VERBS_TRY(found, device::Registry::of_process().find(device));
        const int index = found->announced().index;
        return index < 0 ? -1 : index;
    });
}

const char *ibv_node_type_str(enum ibv_node_type node_type) {
    return api::describe(kNodeTypes, node_type);
}
