// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fork support. Kernels copy pinned pages for a child (Linux 5.12), and a software device pins
// none: there is nothing to be done, and the calls say so.
#include <infiniband/verbs.h>

int ibv_fork_init(void) {
    return 0;
}

enum ibv_fork_status ibv_is_fork_initialized(void) {
    return IBV_FORK_UNNEEDED;
}
