/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lists devices before, while and after there is another one, rxe9, in one process.
 */
#include "loop.h"

static void run(const char *command) {
    need(system(command) == 0, command);
}

/* The list stays, so that a device keeps its address; rxe0's is returned. */
static const struct ibv_device *show(const char *when) {
    struct ibv_device **list = NULL;
    const struct ibv_device *const rxe0 = find_device("rxe0", &list);
    printf("%s:", when);
    for (struct ibv_device **each = list; *each != NULL; ++each)
        printf(" %s", ibv_get_device_name(*each));
    printf("\n");
    fflush(stdout);
    return rxe0;
}

int main(void) {
    const struct ibv_device *const before = show("before");
    run("ip link add d9 type dummy && ip link set d9 up &&"
        " rdma link add rxe9 type rxe netdev d9");
    const struct ibv_device *const during = show("with");
    run("rdma link delete rxe9 && ip link delete d9");
    const struct ibv_device *const after = show("after");
    printf("rxe0 is the same: %s\n", before == during && during == after ? "yes" : "no");
    return 0;
}
