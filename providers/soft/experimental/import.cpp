// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Objects of another context of this process. Imported ones share what stands behind them with the
// original, and are their context's own in everything else.
#include "control/device.hpp"

#include <fcntl.h>

#include <string>

namespace soft {

using verbs::fail;

Result<void> Device::import_device(int cmd_fd) {
    VERBS_TRY(file, Exports::file_of(cmd_fd));
    if (!process_->exports().has_context(file, device_number()))
        return fail(EINVAL, "no context of this device in this process has the descriptor");
    imported_fd_ = verbs::UniqueFd(cmd_fd);
    // What is imported may be imported again, even when the first one is closed.
    process_->exports().add_context(file, device_number());
    return {};
}

Result<ibv_pd *> Device::import_pd(uint32_t pd_handle) {
    VERBS_CHECK(judge_process());
    if (!process_->exports().has_pd(pd_handle, device_number()))
        return fail(ENOENT,
                    "there is no protection domain of the handle " + std::to_string(pd_handle));
    Owned<Pd>::New pd;
    pd->number = pd->handle = pd_handle;
    pd->is_imported = true;
    return pds_.keep(std::move(pd));
}

Result<void> Device::unimport_pd(ibv_pd *ibpd) {
    auto *pd = static_cast<Pd *>(ibpd);
    if (!pd->is_imported) return fail(EINVAL, "the protection domain was not imported");
    if (const uint32_t users = pd->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " objects still use the protection domain");
    pds_.remove(pd);
    return {};
}

Result<ibv_mr *> Device::import_mr(ibv_pd *ibpd, uint32_t mr_handle) {
    VERBS_CHECK(judge_process());
    auto &pd = *static_cast<Pd *>(ibpd);
    Extent extent{};
    if (!process_->mrs().find(mr_handle, extent))
        return fail(ENOENT, "there is no memory region of the handle " + std::to_string(mr_handle));
    if (extent.pd != pd.number) return fail(EINVAL, "the region is of another protection domain");
    Owned<Mr>::New mr;
    mr->lkey = mr->rkey = mr->handle = mr_handle;
    mr->length = extent.length;
    mr->domain = &pd;
    mr->is_imported = true;
    mr->is_fixed = true;
    mr->is_remote = true;  // as far as is known here
    mr->iova = extent.iova;
    mr->access = static_cast<int>(extent.access);
    pd.users.fetch_add(1);
    return mrs_.keep(std::move(mr));
}

Result<void> Device::unimport_mr(ibv_mr *ibmr) {
    auto *mr = static_cast<Mr *>(ibmr);
    if (!mr->is_imported) return fail(EINVAL, "the region was not imported");
    if (const uint32_t windows = mr->windows.load(); windows != 0)
        return fail(EBUSY, std::to_string(windows) + " memory windows are bound to the region");
    mr->domain->users.fetch_sub(1);
    mrs_.remove(mr);
    return {};
}

Result<ibv_dm *> Device::import_dm(uint32_t dm_handle) {
    VERBS_CHECK(judge_process());
    VERBS_TRY(found, process_->exports().find_dm(dm_handle, device_number()));
    Owned<Dm>::New dm;
    VERBS_TRY(memory,
              verbs::Mapping::shared(found.file.get(), found.bytes, PROT_READ | PROT_WRITE));
    dm->file = std::move(found.file);
    dm->memory = std::move(memory);
    dm->bytes = found.bytes;
    dm->is_imported = true;
    open_up(*dm, dm_handle);
    return dms_.keep(std::move(dm));
}

Result<void> Device::unimport_dm(ibv_dm *ibdm) {
    auto *dm = static_cast<Dm *>(ibdm);
    if (!dm->is_imported) return fail(EINVAL, "the device memory was not imported");
    if (const uint32_t regions = dm->regions.load(); regions != 0)
        return fail(EBUSY, std::to_string(regions) + " regions of the memory are registered");
    dms_.remove(dm);
    return {};
}

}  // namespace soft
