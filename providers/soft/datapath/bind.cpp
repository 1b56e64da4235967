// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Binding a memory window: a send request that changes the memory table and moves nothing.
#include "datapath/transmit.hpp"
#include "link/process.hpp"

namespace soft {

namespace {

// The address behind the window, if the region may be bound this way (IBTA 10.6.7.2.1).
bool judge(Qp &qp, const Binding &binding, uint64_t &address) noexcept {
    if (binding.window->domain->number != qp.domain_pd->number) return false;
    if (binding.region == nullptr || binding.length == 0) return true;
    uint32_t needed = IBV_ACCESS_MW_BIND;
    // What peers may change through the window, the region's owner must be allowed to change.
    if ((binding.access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0)
        needed |= IBV_ACCESS_LOCAL_WRITE;
    return translate(qp.owner->mrs().home(), binding.region->lkey, binding.address, binding.length,
                     needed, qp.domain_pd->number, address);
}

}  // namespace

void drop_bind(SendWqe &wqe) noexcept {
    if (wqe.binding.region != nullptr) wqe.binding.region->windows.fetch_sub(1);
    wqe.binding.window->pending.fetch_sub(1);
}

Transmission bind_window(Qp &qp, SendWqe &wqe) noexcept {
    if (!is_oldest(qp)) return kWait;
    const Binding &binding = wqe.binding;
    Mw &window = *binding.window;
    uint64_t address = 0;
    if (!judge(qp, binding, address)) return {Step::failed, IBV_WC_MW_BIND_ERR};
    MrTable &table = qp.owner->mrs();
    if (window.bound_key != 0) {
        table.close(window.bound_key);
        qp.owner->await_copies(window.bound_key);
        window.bound_key = 0;
        window.region->windows.fetch_sub(1);
    }
    window.region = nullptr;
    if (binding.region != nullptr && binding.length > 0) {
        const uint64_t iova = (binding.access & IBV_ACCESS_ZERO_BASED) != 0 ? 0 : binding.address;
        table.publish(binding.key,
                      {qp.domain_pd->number, address, binding.length, iova, binding.access});
        window.bound_key = binding.key;
        window.region = binding.region;  // its count of windows goes over to the window
    } else if (binding.region != nullptr) {
        binding.region->windows.fetch_sub(1);
    }
    window.pending.fetch_sub(1);
    return kDone;
}

}  // namespace soft
