// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Asking for a port and its GIDs. P_Keys have no command: the library reads them elsewhere.
#pragma once

#include "uverbs/context.hpp"

#include <rdma/ib_user_ioctl_verbs.h>

namespace verbs::uverbs {

// On kernels that do not know the second half, it is zero.
[[nodiscard]] Result<ib_uverbs_query_port_resp_ex> query_port(const Context &context,
                                                              std::uint8_t port_num);

// ENODATA for an entry that is empty; EOPNOTSUPP on kernels before 5.10.
[[nodiscard]] Result<ib_uverbs_gid_entry> query_gid(const Context &context, std::uint32_t port_num,
                                                    std::uint32_t index);
// The entries that are not empty, of all ports; how many of them. EINVAL when there are more than
// fit, EOPNOTSUPP on kernels before 5.10 and for more entries than an answer holds.
[[nodiscard]] Result<std::size_t> query_gid_table(const Context &context,
                                                  std::span<ib_uverbs_gid_entry> entries);

}  // namespace verbs::uverbs
