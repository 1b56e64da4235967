// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Objects of another process's device. A file descriptor of the kernel would be needed for that;
// every import is refused, and so there is never anything to give back.
#include "frozen.hpp"
#include "refuse.hpp"
#include "symver.hpp"

using namespace verbs::compat;

VERBS_SYMVER(ibv_import_device, "@@IBVERBS_1.10");
ibv_context *compat_ibv_import_device(int) {
    refuse("ibv_import_device: devices of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_import_pd, "@@IBVERBS_1.10");
ibv_pd *compat_ibv_import_pd(ibv_context *, uint32_t) {
    refuse("ibv_import_pd: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_pd, "@@IBVERBS_1.10");
void compat_ibv_unimport_pd(ibv_pd *) {}

VERBS_SYMVER(ibv_import_mr, "@@IBVERBS_1.10");
ibv_mr *compat_ibv_import_mr(ibv_pd *, uint32_t) {
    refuse("ibv_import_mr: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_mr, "@@IBVERBS_1.10");
void compat_ibv_unimport_mr(ibv_mr *) {}

VERBS_SYMVER(ibv_import_dm, "@@IBVERBS_1.13");
ibv_dm *compat_ibv_import_dm(ibv_context *, uint32_t) {
    refuse("ibv_import_dm: objects of other processes cannot be used");
    return nullptr;
}

VERBS_SYMVER(ibv_unimport_dm, "@@IBVERBS_1.13");
void compat_ibv_unimport_dm(ibv_dm *) {}
