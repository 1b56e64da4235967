// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains and memory regions.
#include "control/device.hpp"
#include "control/limits.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace soft {

using verbs::fail;

namespace {

constexpr int kKnownAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                             IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                             IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED | IBV_ACCESS_HUGETLB;
constexpr int kOptionalAccess = IBV_ACCESS_OPTIONAL_RANGE;

// A device would pin the pages and find out; we ask the kernel whether they are there.
// MS_ASYNC does nothing on Linux but look.
Result<void> judge_range(const void *addr, size_t length) {
    const auto start = reinterpret_cast<uintptr_t>(addr);
    if (length == 0) return {};
    if (start + length < start) return fail(EINVAL, "the memory range wraps around");
    const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const uintptr_t first = start & ~(page - 1);
    if (::msync(reinterpret_cast<void *>(first), start + length - first, MS_ASYNC) != 0)
        return fail(EFAULT, "not all of the memory range is mapped");
    return {};
}

}  // namespace

Result<ibv_pd *> Device::alloc_pd() {
    auto pd = std::make_unique<Pd>();
    pd->number = process_->next_pd();
    pd->handle = pd->number;
    return pds_.add(std::move(pd));
}

Result<void> Device::dealloc_pd(ibv_pd *ibpd) {
    auto *pd = static_cast<Pd *>(ibpd);
    if (const uint32_t users = pd->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " objects still use the protection domain");
    pds_.remove(pd);
    return {};
}

Result<ibv_mr *> Device::reg_mr(ibv_pd *ibpd, void *addr, size_t length, uint64_t iova,
                                int access) {
    if ((access & IBV_ACCESS_ON_DEMAND) != 0)
        return fail(EOPNOTSUPP, "on-demand paging is not offered");
    if ((access & ~(kKnownAccess | kOptionalAccess)) != 0)
        return fail(EINVAL, "unknown access flags");
    if ((access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0 &&
        (access & IBV_ACCESS_LOCAL_WRITE) == 0)
        return fail(EINVAL, "remote write or atomic access needs local write access");
    // The table of regions is shared with the parent.
    if (process_->is_inherited())
        return fail(EIO, "the device was opened by this process's parent");
    VERBS_CHECK(judge_range(addr, length));
    auto *pd = static_cast<Pd *>(ibpd);
    const uint64_t base = (access & IBV_ACCESS_ZERO_BASED) != 0 ? 0 : iova;
    auto mr = std::make_unique<Mr>();
    VERBS_TRY(key, process_->mrs().enter({pd->number, reinterpret_cast<uintptr_t>(addr), length,
                                          base, static_cast<uint32_t>(access)}));
    mr->lkey = key;
    mr->rkey = key;
    mr->handle = key;
    mr->domain = pd;
    mr->is_remote =
        (access & (IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) !=
        0;
    pd->users.fetch_add(1);
    return mrs_.add(std::move(mr));
}

void Device::withdraw(Mr &mr) noexcept {
    if (process_->is_inherited()) return;  // the key is the parent's
    process_->mrs().withdraw(mr.rkey);
    if (mr.is_remote) process_->await_copies(mr.rkey);
}

Result<void> Device::dereg_mr(ibv_mr *ibmr) {
    auto *mr = static_cast<Mr *>(ibmr);
    if (const uint32_t windows = mr->windows.load(); windows != 0)
        return fail(EBUSY, std::to_string(windows) + " memory windows are bound to the region");
    withdraw(*mr);
    mr->domain->users.fetch_sub(1);
    mrs_.remove(mr);
    return {};
}

}  // namespace soft
