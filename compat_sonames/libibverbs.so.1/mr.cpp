// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Registering memory: what is experimental of it goes on to libverbs-exp, where that is.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

VERBS_IMPORT(ibv_reg_mr);
VERBS_IMPORT(ibv_reg_mr_iova);

namespace {

// Rights to flush are not for the stable call. Without libverbs-exp it says so.
bool is_experimental(int access) {
    return (access & (IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT)) != 0;
}

ibv_mr *reg_iova(ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access) {
    if (is_experimental(access))
        if (auto *reg = VERBS_EXPERIMENTAL(verbs_exp_reg_mr_iova))
            return reg(pd, addr, length, iova, access);
    return stable_ibv_reg_mr_iova(pd, addr, length, iova, access);
}

}  // namespace

VERBS_SYMVER(ibv_reg_mr, "@@IBVERBS_1.1");
ibv_mr *compat_ibv_reg_mr(ibv_pd *pd, void *addr, size_t length, int access) {
    if (is_experimental(access))
        return reg_iova(pd, addr, length, reinterpret_cast<uintptr_t>(addr), access);
    return stable_ibv_reg_mr(pd, addr, length, access);
}

VERBS_SYMVER(ibv_reg_mr_iova, "@@IBVERBS_1.7");
ibv_mr *compat_ibv_reg_mr_iova(ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access) {
    return reg_iova(pd, addr, length, iova, access);
}

// Newer headers call this one when the access flags may hold a wish (IBV_ACCESS_OPTIONAL_RANGE). In
// libverbs every registration knows those, and drops the ones that nobody can fulfil.
VERBS_SYMVER(ibv_reg_mr_iova2, "@@IBVERBS_1.8");
ibv_mr *compat_ibv_reg_mr_iova2(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                unsigned int access) {
    return reg_iova(pd, addr, length, iova, static_cast<int>(access));
}

VERBS_SYMVER(ibv_reg_dmabuf_mr, "@@IBVERBS_1.12");
ibv_mr *compat_ibv_reg_dmabuf_mr(ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova, int fd,
                                 int access) {
    if (auto *reg = VERBS_EXPERIMENTAL(ibv_reg_dmabuf_mr))
        return reg(pd, offset, length, iova, fd, access);
    refuse("ibv_reg_dmabuf_mr: memory of a dma-buf cannot be registered");
    return nullptr;
}

VERBS_SYMVER(ibv_reg_mr_ex, "@@IBVERBS_1.15");
ibv_mr *compat_ibv_reg_mr_ex(ibv_pd *pd, ibv_mr_init_attr *mr_init_attr) {
    if (auto *reg = VERBS_EXPERIMENTAL(ibv_reg_mr_ex)) return reg(pd, mr_init_attr);
    refuse("ibv_reg_mr_ex: memory cannot be registered by attributes");
    return nullptr;
}

// Providers called these around their own allocations. Memory that libverbs registers is looked
// after by libverbs (ibv_fork_init); nobody else's memory is touched here.
VERBS_SYMVER(ibv_dontfork_range, "@@IBVERBS_1.1");
int compat_ibv_dontfork_range(void *, size_t) {
    return 0;
}

VERBS_SYMVER(ibv_dofork_range, "@@IBVERBS_1.1");
int compat_ibv_dofork_range(void *, size_t) {
    return 0;
}
