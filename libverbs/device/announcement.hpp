// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A device as the provider contract describes it: what a provider announces, judged, and what the
// library announces to a provider.
#pragma once

#include "core/result.hpp"
#include "device/kernel.hpp"

#include <verbs/provider.h>

namespace verbs::device {

// An announcement as it may be used: texts that end, a name fit for a file name.
[[nodiscard]] Result<verbs_provider_device> checked(const verbs_provider_device &announced);

// A device of the kernel as its provider is told of it.
[[nodiscard]] verbs_provider_device announcement_of(const KernelDevice &device, const Sysfs &sysfs);

}  // namespace verbs::device
