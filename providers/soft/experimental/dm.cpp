// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Device memory, which is memory of this process, and regions of it. Offsets and lengths of copies
// are multiples of 4, as on devices: programs are to find out here.
#include "control/device.hpp"
#include "control/limits.hpp"
#include "link/sealed_memory.hpp"

#include <cstring>
#include <string>

namespace soft {

using verbs::fail;

namespace {

constexpr uint32_t kMaxLogAlign = 12;  // mappings begin at pages
constexpr uint64_t kUnit = 4;

// 0 or an errno value.
int judge_copy(const Dm &dm, uint64_t offset, std::size_t length) noexcept {
    if (offset > dm.bytes || length > dm.bytes - offset) return EFAULT;
    return offset % kUnit == 0 && length % kUnit == 0 ? 0 : EINVAL;
}

uint8_t *place_in(const Dm &dm, uint64_t offset) noexcept {
    return static_cast<uint8_t *>(dm.memory.data()) + offset;
}

int copy_to(ibv_dm *ibdm, uint64_t offset, const void *from, std::size_t length) noexcept {
    const auto &dm = *static_cast<Dm *>(ibdm);
    const int code = judge_copy(dm, offset, length);
    if (code == 0) std::memcpy(place_in(dm, offset), from, length);
    return code;
}

int copy_from(void *to, ibv_dm *ibdm, uint64_t offset, std::size_t length) noexcept {
    const auto &dm = *static_cast<Dm *>(ibdm);
    const int code = judge_copy(dm, offset, length);
    if (code == 0) std::memcpy(to, place_in(dm, offset), length);
    return code;
}

}  // namespace

// With the handle 0 nobody else can import it.
void Device::open_up(Dm &dm, uint32_t handle) noexcept {
    dm.memcpy_to_dm = &copy_to;
    dm.memcpy_from_dm = &copy_from;
    if (handle == 0) return;
    dm.comp_mask = IBV_DM_MASK_HANDLE;
    dm.handle = handle;
}

Result<ibv_dm *> Device::alloc_dm(ibv_alloc_dm_attr *attr) {
    if (attr->length == 0) return fail(EINVAL, "device memory of no bytes");
    if (attr->log_align_req > kMaxLogAlign)
        return fail(EINVAL,
                    "device memory is aligned to 2^" + std::to_string(kMaxLogAlign) + " at most");
    if (attr->length > kMaxDmBytes)
        return fail(ENOMEM, "the device has " + std::to_string(kMaxDmBytes) + " bytes in all");
    Owned<Dm>::New dm;
    VERBS_TRY(file, make_sealed_memory("verbs-soft-dm", attr->length));
    VERBS_TRY(memory, verbs::Mapping::shared(file.get(), attr->length, PROT_READ | PROT_WRITE));
    dm->file = std::move(file);
    dm->memory = std::move(memory);
    dm->bytes = attr->length;
    if (dm_bytes_.fetch_add(attr->length) > kMaxDmBytes - attr->length) {
        dm_bytes_.fetch_sub(attr->length);
        return fail(ENOMEM, "the device has not so much memory left");
    }
    // What a child has by a device of its parent is its own: it can be copied to and from, and
    // nobody imports it.
    const uint32_t handle =
        process_->is_inherited()
            ? 0
            : process_->exports().add_dm(dm->file.get(), dm->bytes, device_number());
    open_up(*dm, handle);
    return dms_.keep(std::move(dm));
}

Result<void> Device::free_dm(ibv_dm *ibdm) {
    auto *dm = static_cast<Dm *>(ibdm);
    if (const uint32_t regions = dm->regions.load(); regions != 0)
        return fail(EBUSY, std::to_string(regions) + " regions of the memory are registered");
    if (!process_->is_inherited()) process_->exports().remove_dm(dm->handle);
    if (!dm->is_imported) dm_bytes_.fetch_sub(dm->bytes);
    dms_.remove(dm);
    return {};
}

Result<ibv_mr *> Device::reg_dm_mr(ibv_pd *ibpd, ibv_dm *ibdm, uint64_t dm_offset, size_t length,
                                   unsigned int access) {
    VERBS_CHECK(judge_faults(Call::reg_mr));
    VERBS_CHECK(judge_process());
    auto &pd = *static_cast<Pd *>(ibpd);
    auto &dm = *static_cast<Dm *>(ibdm);
    if (dm_offset > dm.bytes || length > dm.bytes - dm_offset)
        return fail(EINVAL, "not all of the region is inside of the device memory");
    uint8_t *start = place_in(dm, dm_offset);
    VERBS_TRY(mr, enter(pd, {pd.number, reinterpret_cast<uintptr_t>(start), length, 0, access,
                             shared_place(start, length, static_cast<int>(access))}));
    mr->is_fixed = true;
    mr->siblings = &dm.regions;
    dm.regions.fetch_add(1);
    return mr;
}

}  // namespace soft
