/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The smallest program that looks for devices. bench_device_list counts what it costs with one
 * library and with another; it prints what was found, so that like is compared with like.
 */
#include <infiniband/verbs.h>

#include <stdio.h>

int main(void) {
    int count = 0;
    struct ibv_device **list = ibv_get_device_list(&count);
    if (list == NULL) {
        puts("none");
        return 0;
    }
    printf("%d %s\n", count, count > 0 ? ibv_get_device_name(list[0]) : "-");
    ibv_free_device_list(list);
    return 0;
}
