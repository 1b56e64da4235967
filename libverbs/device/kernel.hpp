// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel knows of RDMA devices. For now only how many there are; finding and describing
// them belongs here too once a provider drives them.
#pragma once

#include <filesystem>

namespace verbs::device {

// How many RDMA devices the kernel has. 0 where it has no RDMA at all.
[[nodiscard]] int
kernel_device_count(const std::filesystem::path &folder = "/sys/class/infiniband") noexcept;

}  // namespace verbs::device
