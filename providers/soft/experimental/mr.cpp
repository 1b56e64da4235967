// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The region without memory: the data path leaves out what would be copied to or from it.
#include "control/device.hpp"

namespace soft {

Result<ibv_mr *> Device::alloc_null_mr(ibv_pd *ibpd) {
    VERBS_CHECK(judge_faults(Call::reg_mr));
    VERBS_CHECK(judge_process());
    auto &pd = *static_cast<Pd *>(ibpd);
    VERBS_TRY(mr, enter(pd, {pd.number, kNoMemory, ~uint64_t{0}, 0, IBV_ACCESS_LOCAL_WRITE}));
    mr->is_fixed = true;
    return mr;
}

}  // namespace soft
