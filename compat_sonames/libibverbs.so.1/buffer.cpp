// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory that the library allocates in the way that is best for a device, and handles that say how
// a device is to reach memory. A device need not have either.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

VERBS_SYMVER(ibv_alloc_dmah, "@@IBVERBS_1.15");
ibv_dmah *compat_ibv_alloc_dmah(ibv_context *context, ibv_dmah_init_attr *attr) {
    if (auto *alloc = VERBS_EXPERIMENTAL(ibv_alloc_dmah)) return alloc(context, attr);
    refuse("ibv_alloc_dmah: the device has no DMA handles");
    return nullptr;
}

VERBS_SYMVER(ibv_dealloc_dmah, "@@IBVERBS_1.15");
int compat_ibv_dealloc_dmah(ibv_dmah *dmah) {
    if (auto *dealloc = VERBS_EXPERIMENTAL(ibv_dealloc_dmah)) return dealloc(dmah);
    return refuse("ibv_dealloc_dmah: the device has no DMA handles");
}

VERBS_SYMVER(ibv_alloc_buf, "@@IBVERBS_1.17");
void *compat_ibv_alloc_buf(ibv_pd *pd, size_t size, ibv_buf **buf) {
    if (auto *alloc = VERBS_EXPERIMENTAL(ibv_alloc_buf)) return alloc(pd, size, buf);
    refuse("ibv_alloc_buf: the device allocates no buffers");
    return nullptr;
}

VERBS_SYMVER(ibv_free_buf, "@@IBVERBS_1.17");
void compat_ibv_free_buf(ibv_buf *buf) {
    if (auto *free = VERBS_EXPERIMENTAL(ibv_free_buf)) free(buf);
}

VERBS_SYMVER(ibv_reg_buf_mr, "@@IBVERBS_1.17");
ibv_mr *compat_ibv_reg_buf_mr(ibv_pd *pd, ibv_buf *buf, void *addr, size_t length, int access) {
    if (auto *reg = VERBS_EXPERIMENTAL(ibv_reg_buf_mr)) return reg(pd, buf, addr, length, access);
    refuse("ibv_reg_buf_mr: the device allocates no buffers");
    return nullptr;
}

VERBS_SYMVER(ibv_export_buf_dmabuf_fd, "@@IBVERBS_1.18");
int compat_ibv_export_buf_dmabuf_fd(ibv_buf *buf) {
    if (auto *export_fd = VERBS_EXPERIMENTAL(ibv_export_buf_dmabuf_fd)) return export_fd(buf);
    refuse("ibv_export_buf_dmabuf_fd: the device allocates no buffers");
    return -1;
}
