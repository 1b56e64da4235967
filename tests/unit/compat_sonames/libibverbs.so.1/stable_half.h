/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A library that was built with libverbs's own header and linked with libverbs.so.1, for a program
 * that was built for libibverbs.so.1. It shows what each name means to it.
 */
#ifndef STABLE_HALF_H
#define STABLE_HALF_H

#ifdef __cplusplus
extern "C" {
#endif

struct ibv_device;
struct ibv_context;
struct ibv_pd;

/* Where this library's ibv_NAME is, for dladdr. */
void *half_get_device_list(void);
void *half_create_comp_channel(void);

/* The same calls, made here. */
struct ibv_device *half_find_device(const char *name);
int half_rate_to_mult_of_10_gbps(void);
const char *half_last_error(void);
struct ibv_pd *half_alloc_pd(struct ibv_context *context);
int half_dealloc_pd(struct ibv_pd *pd);

#ifdef __cplusplus
}
#endif

#endif
