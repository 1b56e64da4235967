// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device: what a program's struct ibv_device * points into. Made once per device, at one address
// for as long as the device exists or a list or an open context refers to it.
#pragma once

#include "loader/provider.hpp"

#include <verbs/provider.h>

#include <cstddef>

namespace verbs::device {

// The part whose layout strangers rely on. Vendor libraries compare the pointer behind ibv_device
// with their own table to see whose device it is, so it has to be readable, and nobody's.
struct DeviceHead {
    ibv_device base{};
    const void *ops = nullptr;
};
static_assert(sizeof(ibv_device) == 664);
static_assert(offsetof(DeviceHead, ops) == 664);

class Device : public DeviceHead {
public:
    Device(loader::Provider &provider, const verbs_provider_device &announced) noexcept;
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;

    [[nodiscard]] loader::Provider &provider() const noexcept { return provider_; }
    [[nodiscard]] const verbs_provider_device &announced() const noexcept { return announced_; }
    [[nodiscard]] const char *name() const noexcept { return announced_.name; }

    // Whether an announcement is about this very device, not a new one under an old name.
    [[nodiscard]] bool is(const loader::Provider &provider,
                          const verbs_provider_device &announced) const noexcept;

private:
    loader::Provider &provider_;
    const verbs_provider_device announced_;
};

}  // namespace verbs::device
