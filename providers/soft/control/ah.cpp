// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Address handles.
#include "control/device.hpp"
#include "control/limits.hpp"

namespace soft {

Result<ibv_ah *> Device::create_ah(ibv_pd *ibpd, ibv_ah_attr *attr) {
    VERBS_CHECK(judge_faults(Call::create_ah));
    VERBS_CHECK(judge_alive());
    VERBS_TRY(path, resolve(*attr));
    auto *pd = static_cast<Pd *>(ibpd);
    Owned<Ah>::New ah;
    ah->domain = pd;
    ah->path = path;
    ah->handle = handles_.fetch_add(1);
    pd->users.fetch_add(1);
    return ahs_.keep(std::move(ah));
}

Result<void> Device::destroy_ah(ibv_ah *ibah) {
    auto *ah = static_cast<Ah *>(ibah);
    ah->domain->users.fetch_sub(1);
    ahs_.remove(ah);
    return {};
}

}  // namespace soft
