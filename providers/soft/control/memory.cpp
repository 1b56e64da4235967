// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Protection domains and memory regions.
#include "control/device.hpp"
#include "control/limits.hpp"
#include "control/mapped.hpp"
#include "control/persistent.hpp"

#include <string>

namespace soft {

using verbs::fail;

namespace {

constexpr unsigned kKnownAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
                                  IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
                                  IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED | IBV_ACCESS_HUGETLB |
                                  IBV_ACCESS_ON_DEMAND;
constexpr unsigned kOptionalAccess = IBV_ACCESS_OPTIONAL_RANGE;

// Checks the flags of a region before anything is made or changed by them.
Result<void> judge_access(int access) {
    if ((static_cast<unsigned>(access) & ~(kKnownAccess | kOptionalAccess | flush_access())) != 0)
        return fail(EINVAL, "unknown access flags");
    if ((access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0 &&
        (access & IBV_ACCESS_LOCAL_WRITE) == 0)
        return fail(EINVAL, "remote write or atomic access needs local write access");
    return {};
}

Result<void> judge_unbound(const Mr &mr) {
    if (const uint32_t windows = mr.windows.load(); windows != 0)
        return fail(EBUSY, std::to_string(windows) + " memory windows are bound to the region");
    return {};
}

bool writes_memory(int access) {
    return (access & IBV_ACCESS_LOCAL_WRITE) != 0;
}

// Paged on demand: pages may come and go, so that nothing is to be looked at before they are used.
bool is_on_demand(int access) {
    return (access & IBV_ACCESS_ON_DEMAND) != 0;
}

// The whole address space, whatever will be there.
bool is_everything(const void *addr, size_t length, int access) {
    return is_on_demand(access) && addr == nullptr && length == SIZE_MAX;
}

Result<void> judge_memory(const void *addr, size_t length, int access) {
    if ((access & IBV_ACCESS_FLUSH_PERSISTENT) != 0) {
        if (is_on_demand(access))
            return fail(EOPNOTSUPP, "what is paged on demand may be of another file by then");
        VERBS_CHECK(judge_persistent(addr, length));
    }
    if (!is_on_demand(access)) return judge_mapped(addr, length, writes_memory(access));
    if (is_everything(addr, length, access) && (access & IBV_ACCESS_HUGETLB) != 0)
        return fail(EINVAL, "a region of everything is not of huge pages alone");
    return {};
}

bool lets_peers_in(int access) {
    const unsigned remote = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE |
                            IBV_ACCESS_REMOTE_ATOMIC | flush_access();
    return (static_cast<unsigned>(access) & remote) != 0;
}

}  // namespace

Result<ibv_pd *> Device::alloc_pd() {
    VERBS_CHECK(judge_faults(Call::alloc_pd));
    Owned<Pd>::New pd;
    pd->number = process_->next_pd();
    pd->handle = pd->number;
    // In a child what is exported is the parent's, and so is the lock.
    if (!process_->is_inherited()) process_->exports().add_pd(pd->number, device_number());
    return pds_.keep(std::move(pd));
}

Result<void> Device::dealloc_pd(ibv_pd *ibpd) {
    auto *pd = static_cast<Pd *>(ibpd);
    if (const uint32_t users = pd->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " objects still use the protection domain");
    if (pd->base != nullptr)
        pd->base->users.fetch_sub(1);
    else if (!process_->is_inherited())
        process_->exports().remove_pd(pd->number);
    if (pd->thread != nullptr) pd->thread->users.fetch_sub(1);
    pds_.remove(pd);
    return {};
}

Result<void> Device::judge_process() const {
    if (process_->is_inherited())
        return fail(EIO, "the device was opened by this process's parent");
    return {};
}

Result<ibv_mr *> Device::reg_mr(ibv_pd *ibpd, void *addr, size_t length, uint64_t iova,
                                int access) {
    VERBS_CHECK(judge_faults(Call::reg_mr));
    VERBS_CHECK(judge_access(access));
    VERBS_CHECK(judge_process());
    VERBS_CHECK(judge_memory(addr, length, access));
    auto *pd = static_cast<Pd *>(ibpd);
    const uint64_t base = (access & IBV_ACCESS_ZERO_BASED) != 0 ? 0 : iova;
    VERBS_TRY(mr, enter(*pd, {pd->number, reinterpret_cast<uintptr_t>(addr), length, base,
                              static_cast<uint32_t>(access), shared_place(addr, length, access)}));
    mr->is_fixed = is_everything(addr, length, access);
    return mr;
}

Result<Mr *> Device::enter(Pd &pd, const Extent &extent) {
    const auto access = static_cast<int>(extent.access);
    Owned<Mr>::New mr;
    VERBS_TRY(key, process_->mrs().enter(extent));
    mr->lkey = key;
    mr->rkey = key;
    mr->handle = key;
    mr->domain = &pd;
    mr->is_remote = lets_peers_in(access);
    mr->iova = extent.iova;
    mr->access = access;
    pd.users.fetch_add(1);
    return mrs_.keep(std::move(mr));
}

// The region gets a new key, unless nothing but its rights changes: the old one is dead when this
// returns, as after dereg_mr, and no access can mix the old region with the new one. Failing leaves
// the old one as it was. addr and length of the public part are the library's to change.
Result<void> Device::rereg_mr(ibv_mr *ibmr, int flags, ibv_pd *ibpd, void *addr, size_t length,
                              int access) {
    VERBS_CHECK(judge_faults(Call::rereg_mr));
    auto *mr = static_cast<Mr *>(ibmr);
    VERBS_CHECK(judge_process());
    if (mr->is_fixed)
        return fail(EOPNOTSUPP, "the region has no range of the program's to register anew");
    VERBS_CHECK(judge_unbound(*mr));
    const bool moves = (flags & IBV_REREG_MR_CHANGE_TRANSLATION) != 0;
    if ((flags & IBV_REREG_MR_CHANGE_ACCESS) == 0) access = mr->access;
    if (!moves) {
        addr = mr->addr;
        length = mr->length;
    }
    VERBS_CHECK(judge_access(access));
    if (moves || (writes_memory(access) && !writes_memory(mr->access)) ||
        is_on_demand(access) != is_on_demand(mr->access) ||
        (access & ~mr->access & IBV_ACCESS_FLUSH_PERSISTENT) != 0)
        VERBS_CHECK(judge_memory(addr, length, access));
    auto *pd = (flags & IBV_REREG_MR_CHANGE_PD) != 0 ? static_cast<Pd *>(ibpd) : mr->domain;
    const auto address = reinterpret_cast<uintptr_t>(addr);
    const bool is_zero_based = (access & IBV_ACCESS_ZERO_BASED) != 0;
    const bool rebases = moves || is_zero_based != ((mr->access & IBV_ACCESS_ZERO_BASED) != 0);
    const uint64_t iova = is_zero_based ? 0 : rebases ? address : mr->iova;
    const Extent extent{pd->number,
                        address,
                        length,
                        iova,
                        static_cast<uint32_t>(access),
                        shared_place(addr, length, access)};
    uint32_t key = mr->rkey;
    if (flags == IBV_REREG_MR_CHANGE_ACCESS && !rebases) {
        // Peers go on with the key that they have, as devices let them.
        process_->mrs().close(key);
        process_->await_copies(key);
        process_->mrs().publish(key, extent);
    } else {
        VERBS_TRY(entered, process_->mrs().enter(extent));
        withdraw(mr->rkey, mr->is_remote);
        key = entered;
    }
    pd->users.fetch_add(1);
    mr->domain->users.fetch_sub(1);
    mr->lkey = mr->rkey = mr->handle = key;
    mr->domain = pd;
    mr->is_remote = lets_peers_in(access);
    mr->iova = iova;
    mr->access = access;
    return {};
}

// Only what peers may reach, and what stays where it is, is worth a look.
FilePlace Device::shared_place(const void *addr, size_t length, int access) {
    return lets_peers_in(access) && !is_on_demand(access) ? process_->files().find(addr, length)
                                                          : FilePlace{};
}

void Device::withdraw(uint32_t key, bool is_remote) noexcept {
    if (process_->is_inherited()) return;  // the key is the parent's
    process_->mrs().withdraw(key);
    if (is_remote) process_->await_copies(key);
}

Result<void> Device::dereg_mr(ibv_mr *ibmr) {
    auto *mr = static_cast<Mr *>(ibmr);
    VERBS_CHECK(judge_unbound(*mr));
    withdraw(mr->rkey, mr->is_remote);
    mr->domain->users.fetch_sub(1);
    if (mr->siblings != nullptr) mr->siblings->fetch_sub(1);
    mrs_.remove(mr);
    return {};
}

}  // namespace soft
