// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Advice about regions that are paged on demand. Nothing is ever pinned here: to prefetch is to
// have the kernel bring pages in now, so that moving data does not wait for it.
#include "control/device.hpp"
#include "control/mapped.hpp"

#include <span>

namespace soft {

using verbs::fail;

namespace {

// Where a range of a program's list is in its memory, once it may be prefetched.
Result<uint64_t> place_of(const Home &home, const ibv_sge &range, uint32_t pd, bool is_written) {
    const uint32_t index = range.lkey >> 8;
    if (range.lkey == 0 || index >= kMrCapacity ||
        home.mrs[index].key.load(std::memory_order_acquire) != range.lkey)
        return fail(ENOENT, "there is no region of this key");
    const uint32_t rights = home.mrs[index].access.load(std::memory_order_relaxed);
    if ((rights & IBV_ACCESS_ON_DEMAND) == 0)
        return fail(EINVAL, "what the key stands for is not paged on demand");
    if (home.mrs[index].pd.load(std::memory_order_relaxed) != pd)
        return fail(EPERM, "the region is of another protection domain");
    if (is_written && (rights & IBV_ACCESS_LOCAL_WRITE) == 0)
        return fail(EPERM, "the region may not be written");
    uint64_t address = 0;
    if (!translate(home, range.lkey, range.addr, range.length, 0, pd, address))
        return fail(EFAULT, "not all of the range is inside of the region");
    return address;
}

// 0, or EFAULT when not all is mapped and may be used so.
int bring_in(uint64_t address, std::size_t length, LookFor use) noexcept {
    const auto *start = reinterpret_cast<const void *>(address);
    const int code = touch_pages(start, length, use);
    return code != ENOSYS ? code : look_up_mappings(start, length, use);
}

}  // namespace

Result<void> Device::advise_mr(ibv_pd *ibpd, ibv_advise_mr_advice advice, uint32_t flags,
                               ibv_sge *sg_list, uint32_t num_sge) {
    VERBS_CHECK(judge_process());
    const bool is_written = advice == IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE;
    const uint32_t pd = static_cast<Pd *>(ibpd)->number;
    const std::span ranges(sg_list, num_sge);
    for (const ibv_sge &range : ranges)
        VERBS_CHECK(place_of(process_->mrs().home(), range, pd, is_written));
    if (advice == IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT) return {};  // what is there is there
    for (const ibv_sge &range : ranges) {
        VERBS_TRY(address, place_of(process_->mrs().home(), range, pd, is_written));
        const int code =
            bring_in(address, range.length, is_written ? LookFor::writing : LookFor::reading);
        // Who does not wait for it does not hear of it.
        if (code != 0 && (flags & IBV_ADVISE_MR_FLAG_FLUSH) != 0)
            return fail(code, "not all of the range is mapped for that use");
    }
    return {};
}

}  // namespace soft
