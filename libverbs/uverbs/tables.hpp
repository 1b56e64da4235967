// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The GID and partition key tables of a kernel device as sysfs shows them: all that a kernel before
// 5.10 has for GIDs, and that any kernel has for partition keys.
#pragma once

#include "core/result.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

#include <cstdint>
#include <string>

namespace verbs::uverbs {

class SysfsTables {
public:
    // `ibdev_path` as in struct verbs_provider_device: /sys/class/infiniband/<name>.
    explicit SysfsTables(std::string ibdev_path) : path_(std::move(ibdev_path)) {}

    // ENODATA for an entry of the table that is empty, EINVAL for one beyond its end.
    [[nodiscard]] Result<ib_uverbs_gid_entry> gid(std::uint32_t port_num,
                                                  std::uint32_t index) const;
    // Network byte order. EINVAL beyond the end of the table.
    [[nodiscard]] Result<std::uint16_t> pkey_be(std::uint32_t port_num, std::uint32_t index) const;

private:
    [[nodiscard]] Result<std::string> entry(std::uint32_t port_num, const char *table,
                                            std::uint32_t index) const;

    std::string path_;
};

}  // namespace verbs::uverbs
