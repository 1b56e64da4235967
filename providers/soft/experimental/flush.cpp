// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory regions that peers may flush.
#include "control/device.hpp"

namespace soft {

Result<ibv_mr *> Device::reg_flushable_mr(ibv_pd *pd, void *addr, size_t length, uint64_t iova,
                                          int access) {
    return reg_mr(pd, addr, length, iova, access);
}

}  // namespace soft
