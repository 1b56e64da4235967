// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/device.hpp"

#include <cstring>

namespace verbs::device {
namespace {

constexpr char kNobody = 0;

}  // namespace

Device::Device(loader::Provider &provider, const verbs_provider_device &announced) noexcept
    : provider_(provider), announced_(announced) {
    // Not by a cast: a plugin may have announced any number.
    std::memcpy(&base.node_type, &announced.node_type, sizeof base.node_type);
    std::memcpy(&base.transport_type, &announced.transport_type, sizeof base.transport_type);
    std::memcpy(base.name, announced.name, sizeof base.name);
    std::memcpy(base.dev_name, announced.dev_name, sizeof base.dev_name);
    std::memcpy(base.dev_path, announced.dev_path, sizeof base.dev_path);
    std::memcpy(base.ibdev_path, announced.ibdev_path, sizeof base.ibdev_path);
    ops = &kNobody;
}

bool Device::is(const loader::Provider &provider,
                const verbs_provider_device &announced) const noexcept {
    return &provider == &provider_ && std::strcmp(announced.name, announced_.name) == 0 &&
           announced.node_guid_be == announced_.node_guid_be &&
           announced.cookie == announced_.cookie && announced.index == announced_.index &&
           std::strcmp(announced.dev_name, announced_.dev_name) == 0;
}

}  // namespace verbs::device
