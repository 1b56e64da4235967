/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Works with two devices at once in one process: what is posted to both is then taken from both.
 *
 *     two_devices DEVICE GID_INDEX DEVICE GID_INDEX
 */
#include "loop.h"

enum { DEVICES = 2, ROUNDS = 3 };

static struct loop loops[DEVICES];

static void post(struct loop *loop, uint64_t value) {
    loop->memory[0] = value;
    loop->memory[1] = 0;
    need(post_receive(loop) == 0, "ibv_post_recv");
    need(post_send(loop) == 0, "ibv_post_send");
}

static void take(struct loop *loop, uint64_t value) {
    for (int both = 0; both < 2; ++both)
        need(next_status(loop->cq) == IBV_WC_SUCCESS, "completion");
    need(loop->memory[1] == value, "the data");
}

int main(int argc, char **argv) {
    if (argc != 1 + 2 * DEVICES) {
        fprintf(stderr, "usage: %s DEVICE GID_INDEX DEVICE GID_INDEX\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < DEVICES; ++i)
        open_loop(&loops[i], argv[1 + 2 * i], atoi(argv[2 + 2 * i]));
    for (uint64_t round = 1; round <= ROUNDS; ++round) {
        for (int i = 0; i < DEVICES; ++i)
            post(&loops[i], 100 * round + (uint64_t)i);
        for (int i = 0; i < DEVICES; ++i)
            take(&loops[i], 100 * round + (uint64_t)i);
    }
    printf("%d messages on %s and %s\n", ROUNDS, argv[1], argv[3]);
    for (int i = 0; i < DEVICES; ++i)
        let_go(&loops[i]);
    return 0;
}
