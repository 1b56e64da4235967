/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Static rates: the codes by which an address vector limits the speed of injection, and their
 * conversion from and to numbers.
 */
#ifndef INFINIBAND_VERBS_RATE_H
#define INFINIBAND_VERBS_RATE_H

#include <infiniband/verbs/api.h>

enum ibv_rate {
    IBV_RATE_MAX = 0, /* no limit below that of the port */
    IBV_RATE_2_5_GBPS = 2,
    IBV_RATE_5_GBPS = 5,
    IBV_RATE_10_GBPS = 3,
    IBV_RATE_20_GBPS = 6,
    IBV_RATE_30_GBPS = 4,
    IBV_RATE_40_GBPS = 7,
    IBV_RATE_60_GBPS = 8,
    IBV_RATE_80_GBPS = 9,
    IBV_RATE_120_GBPS = 10,
    IBV_RATE_14_GBPS = 11,
    IBV_RATE_56_GBPS = 12,
    IBV_RATE_112_GBPS = 13,
    IBV_RATE_168_GBPS = 14,
    IBV_RATE_25_GBPS = 15,
    IBV_RATE_100_GBPS = 16,
    IBV_RATE_200_GBPS = 17,
    IBV_RATE_300_GBPS = 18,
    IBV_RATE_28_GBPS = 19,
    IBV_RATE_50_GBPS = 20,
    IBV_RATE_400_GBPS = 21,
    IBV_RATE_600_GBPS = 22,
    IBV_RATE_800_GBPS = 23,
    IBV_RATE_1200_GBPS = 24
};

/**
 * Converts a rate to a multiple of 2.5 Gbit/s, so that IBV_RATE_10_GBPS gives 4.
 *
 * Only some rates have a multiple: those of lanes at 2.5, 5 and 10 Gbit/s up to 120 Gbit/s, and,
 * by their names, 28 (as 11), 50, 400, 600, 800 and 1200 Gbit/s.
 *
 * @param rate  any number
 * Returns (value): the multiple, or -1 for IBV_RATE_MAX and every rate without one.
 * Errors: none; errno is left alone.
 * Source: IBTA volume 1, 9.11 (static rate control); libibverbs 1.0.
 */
VERBS_API int ibv_rate_to_mult(enum ibv_rate rate) VERBS_PURE_VALUE;

/**
 * Converts a multiple of 2.5 Gbit/s to a rate.
 *
 * @param mult  any number
 * Returns (value): the rate for which ibv_rate_to_mult gives this number, otherwise IBV_RATE_MAX.
 * Errors: none; errno is left alone.
 * Source: libibverbs 1.0.
 */
VERBS_API enum ibv_rate mult_to_ibv_rate(int mult) VERBS_PURE_VALUE;

/**
 * Converts a rate to Mbit/s; rates of lanes coded 64b/66b give the real, uneven number, so that
 * IBV_RATE_14_GBPS gives 14062.
 *
 * @param rate  any number
 * Returns (value): Mbit/s, or -1 for IBV_RATE_MAX and for a number without a meaning.
 * Errors: none; errno is left alone.
 * Source: libibverbs 1.1.7.
 */
VERBS_API int ibv_rate_to_mbps(enum ibv_rate rate) VERBS_PURE_VALUE;

/**
 * Converts Mbit/s to a rate.
 *
 * @param mbps  any number
 * Returns (value): the rate for which ibv_rate_to_mbps gives this number, otherwise IBV_RATE_MAX.
 * Errors: none; errno is left alone.
 * Source: libibverbs 1.1.7.
 */
VERBS_API enum ibv_rate mbps_to_ibv_rate(int mbps) VERBS_PURE_VALUE;

#endif
