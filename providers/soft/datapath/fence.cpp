// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The barrier for all: membarrier(2), registered for once in a process. Where a filter or an old
// kernel refuses it, nobody skips fences.
#include "datapath/fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace soft {

bool enable_barrier_for_all() noexcept {
    if (SOFT_NO_FENCES != 0) return false;
    const int saved = errno;
    const bool enabled =
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
    errno = saved;
    return enabled;
}

void barrier_for_all() noexcept {
    const int saved = errno;
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
    errno = saved;
}

}  // namespace soft
