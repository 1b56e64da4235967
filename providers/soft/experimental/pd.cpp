// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Thread domains, and parent domains: other names of a protection domain, whose queues lie in the
// program's own memory if it wants that.
#include "control/device.hpp"

#include <string>

namespace soft {

using verbs::fail;

Result<ibv_td *> Device::alloc_td(ibv_td_init_attr * /*attr*/) {
    return tds_.keep(Owned<Td>::New());
}

Result<void> Device::dealloc_td(ibv_td *ibtd) {
    auto *td = static_cast<Td *>(ibtd);
    if (const uint32_t users = td->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " parent domains still use the thread domain");
    tds_.remove(td);
    return {};
}

Result<ibv_pd *> Device::alloc_parent_domain(ibv_parent_domain_init_attr *attr) {
    VERBS_CHECK(judge_faults(Call::alloc_pd));
    Owned<Pd>::New pd;
    pd->base = static_cast<Pd *>(attr->pd);
    pd->thread = static_cast<Td *>(attr->td);
    pd->number = pd->base->number;
    pd->handle = pd->number;
    pd->allocator = {attr->alloc, attr->free, &*pd, attr->pd_context};
    pd->base->users.fetch_add(1);
    if (pd->thread != nullptr) pd->thread->users.fetch_add(1);
    return pds_.keep(std::move(pd));
}

}  // namespace soft
