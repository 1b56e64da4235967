// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Objects that another process has made, or another device is to reach. Without the experimental
// library every import is refused, and so there is never anything to give back.
#include "experimental.hpp"
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

VERBS_SYMVER(ibv_import_device, "@@IBVERBS_1.10");
ibv_context *compat_ibv_import_device(int cmd_fd) {
    if (auto *import = VERBS_EXPERIMENTAL(ibv_import_device)) {
        ibv_context *const context = import(cmd_fd);
        if (context != nullptr) fill_experimental(context);
        return context;
    }
    refuse("ibv_import_device: devices of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_import_pd, "@@IBVERBS_1.10");
ibv_pd *compat_ibv_import_pd(ibv_context *context, uint32_t pd_handle) {
    if (auto *import = VERBS_EXPERIMENTAL(ibv_import_pd)) return import(context, pd_handle);
    refuse("ibv_import_pd: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_pd, "@@IBVERBS_1.10");
void compat_ibv_unimport_pd(ibv_pd *pd) {
    if (auto *unimport = VERBS_EXPERIMENTAL(ibv_unimport_pd)) unimport(pd);
}

VERBS_SYMVER(ibv_import_mr, "@@IBVERBS_1.10");
ibv_mr *compat_ibv_import_mr(ibv_pd *pd, uint32_t mr_handle) {
    if (auto *import = VERBS_EXPERIMENTAL(ibv_import_mr)) return import(pd, mr_handle);
    refuse("ibv_import_mr: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_mr, "@@IBVERBS_1.10");
void compat_ibv_unimport_mr(ibv_mr *mr) {
    if (auto *unimport = VERBS_EXPERIMENTAL(ibv_unimport_mr)) unimport(mr);
}

VERBS_SYMVER(ibv_import_dm, "@@IBVERBS_1.13");
ibv_dm *compat_ibv_import_dm(ibv_context *context, uint32_t dm_handle) {
    if (auto *import = VERBS_EXPERIMENTAL(ibv_import_dm)) return import(context, dm_handle);
    refuse("ibv_import_dm: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_dm, "@@IBVERBS_1.13");
void compat_ibv_unimport_dm(ibv_dm *dm) {
    if (auto *unimport = VERBS_EXPERIMENTAL(ibv_unimport_dm)) unimport(dm);
}

VERBS_SYMVER(ibv_dm_export_dmabuf_fd, "@@IBVERBS_1.16");
int compat_ibv_dm_export_dmabuf_fd(ibv_dm *dm) {
    if (auto *export_fd = VERBS_EXPERIMENTAL(ibv_dm_export_dmabuf_fd)) return export_fd(dm);
    refuse("ibv_dm_export_dmabuf_fd: device memory cannot be exported");
    return -1;
}
