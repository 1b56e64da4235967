/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "stable_half.h"

#include <infiniband/verbs.h>
#include <string.h>

/* A function's address as a data pointer, in the way that ISO C leaves open. */
union address {
    void (*function)(void);
    void *data;
};

void *half_get_device_list(void) {
    union address address = {.function = (void (*)(void))ibv_get_device_list};
    return address.data;
}

void *half_create_comp_channel(void) {
    union address address = {.function = (void (*)(void))ibv_create_comp_channel};
    return address.data;
}

struct ibv_device *half_find_device(const char *name) {
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_device *found = NULL;
    for (int i = 0; list && list[i]; ++i)
        if (strcmp(ibv_get_device_name(list[i]), name) == 0) found = list[i];
    if (list) ibv_free_device_list(list);
    return found;
}

int half_rate_to_mult_of_10_gbps(void) {
    return ibv_rate_to_mult(IBV_RATE_10_GBPS);
}

const char *half_last_error(void) {
    return verbs_last_error();
}

struct ibv_pd *half_alloc_pd(struct ibv_context *context) {
    return ibv_alloc_pd(context);
}

int half_dealloc_pd(struct ibv_pd *pd) {
    return ibv_dealloc_pd(pd);
}
