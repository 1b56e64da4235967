// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Thread domains and parent domains, of which the kernel knows nothing. Allocators are taken and
// never called: the driver makes the queues itself and lets us map them.
#include "control/device.hpp"

#include <string>

namespace rxe {

using verbs::fail;

Result<ibv_td *> RxeDevice::alloc_td(ibv_td_init_attr * /*attr*/) {
    return tds_.keep(Owned<Td>::New());
}

Result<void> RxeDevice::dealloc_td(ibv_td *ibtd) {
    auto *td = static_cast<Td *>(ibtd);
    if (const uint32_t users = td->users.load(); users != 0)
        return fail(EBUSY, std::to_string(users) + " parent domains still use the thread domain");
    tds_.remove(td);
    return {};
}

Result<ibv_pd *> RxeDevice::alloc_parent_domain(ibv_parent_domain_init_attr *attr) {
    Owned<Pd>::New pd;
    pd->handle = attr->pd->handle;
    pd->base = use(attr->pd);
    pd->thread = Use<Td>(static_cast<Td *>(attr->td));
    return pds_.keep(std::move(pd));
}

}  // namespace rxe
