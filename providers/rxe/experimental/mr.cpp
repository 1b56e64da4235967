// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions of dma-bufs, and advice about regions that are paged on demand: as far as the driver has
// them, which the kernel says.
#include "uverbs/mr.hpp"
#include "control/device.hpp"

#include <vector>

namespace rxe {

Result<ibv_mr *> RxeDevice::reg_dmabuf_mr(ibv_pd *pd, uint64_t offset, size_t length, uint64_t iova,
                                          int fd, int access) {
    Owned<Mr>::New mr;
    VERBS_TRY(made, verbs::uverbs::reg_dmabuf_mr(kernel_, pd->handle, fd, offset, length, iova,
                                                 static_cast<uint32_t>(access)));
    mr->handle = made.handle;
    mr->lkey = made.lkey;
    mr->rkey = made.rkey;
    mr->domain = use(pd);
    return mrs_.keep(std::move(mr));
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
