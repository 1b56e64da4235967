/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libverbs-exp.so.0 as the linker saw it before ibv_query_device_ex graduated. Nothing calls it. */
__attribute__((visibility("default"))) int ibv_query_device_ex(void);
int ibv_query_device_ex(void) {
    return -1;
}
