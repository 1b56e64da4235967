// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copying between this process and another one of the same user, in one copy, by the kernel's
// cross-memory calls.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace soft {

enum class Direction { to_peer, from_peer };

// Copies `length` bytes between `local` and `remote` (both lists are consumed). 0 or an errno
// value: EFAULT bad memory on either side, ESRCH the process is gone, EPERM not allowed.
int copy_across(pid_t pid, Direction direction, iovec *local, std::size_t local_count,
                iovec *remote, std::size_t remote_count, uint64_t length) noexcept;

}  // namespace soft
