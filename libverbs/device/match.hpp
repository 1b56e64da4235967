// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Whether a manifest names a kernel device. The bus's name of a device is read only when a pattern
// asks for it, and once.
#pragma once

#include "device/kernel.hpp"
#include "loader/manifest.hpp"

#include <optional>
#include <string>

namespace verbs::device {

class Matcher {
public:
    // Both have to outlive the matcher.
    Matcher(const KernelDevice &device, const Sysfs &sysfs) : device_(device), sysfs_(sysfs) {}

    [[nodiscard]] bool is_named_by(const loader::Manifest &manifest);

private:
    [[nodiscard]] bool fits(const loader::Match &match);
    [[nodiscard]] bool has_modalias_like(const std::string &pattern);

    const KernelDevice &device_;
    const Sysfs &sysfs_;
    std::optional<std::string> modalias_;  // "" for a device without a bus
};

// What the kernel's driver is called, for people: "rxe (driver id 14)".
[[nodiscard]] std::string describe_driver(const KernelDevice &device);

}  // namespace verbs::device
