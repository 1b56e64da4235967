// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions with rights to flush, and advice about regions that are paged on demand: as far as the
// driver takes it, which the kernel says.
#include "uverbs/mr.hpp"
#include "control/device.hpp"

#include <vector>

namespace rxe {

Result<ibv_mr *> RxeDevice::reg_flushable_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                             int access) {
    return reg_mr(pd, addr, length, iova, access);
}

Result<void> RxeDevice::advise_mr(ibv_pd *pd, ibv_advise_mr_advice advice, uint32_t flags,
                                  ibv_sge *sg_list, uint32_t num_sge) {
    std::vector<ib_uverbs_sge> ranges(num_sge);
    for (uint32_t i = 0; i < num_sge; ++i)
        ranges[i] = {sg_list[i].addr, sg_list[i].length, sg_list[i].lkey};
    return verbs::uverbs::advise_mr(kernel_, pd->handle, static_cast<uint32_t>(advice), flags,
                                    ranges);
}

}  // namespace rxe
