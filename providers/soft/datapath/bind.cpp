// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Binding a memory window, and taking a binding back: send requests that change the memory table
// and move nothing.
#include "datapath/transmit.hpp"
#include "link/process.hpp"

namespace soft {

namespace {

constexpr Transmission kRefused{Step::failed, IBV_WC_MW_BIND_ERR};

// The address behind the window, if the region may be bound this way (IBTA 10.6.7.2.1).
bool judge(Qp &qp, const Binding &binding, uint64_t &address) noexcept {
    if (binding.window->domain->number != qp.domain_pd->number) return false;
    if (binding.region == nullptr || binding.length == 0) return !binding.window->is_type_2;
    uint32_t needed = IBV_ACCESS_MW_BIND;
    // What peers may change through the window, the region's owner must be allowed to change.
    if ((binding.access & (IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)) != 0)
        needed |= IBV_ACCESS_LOCAL_WRITE;
    return translate(qp.owner->mrs().home(), binding.region->lkey, binding.address, binding.length,
                     needed, qp.domain_pd->number, address);
}

uint64_t first_address(const Binding &binding) noexcept {
    return (binding.access & IBV_ACCESS_ZERO_BASED) != 0 ? 0 : binding.address;
}

Transmission bind_type_1(Qp &qp, const Binding &binding) noexcept {
    Mw &window = *binding.window;
    uint64_t address = 0;
    if (!judge(qp, binding, address)) return kRefused;
    MrTable &table = qp.owner->mrs();
    if (window.bound_key != 0) {
        table.close(window.bound_key);
        qp.owner->await_copies(window.bound_key);
        window.bound_key = 0;
        window.region->windows.fetch_sub(1);
    }
    window.region = nullptr;
    if (binding.region != nullptr && binding.length > 0) {
        table.publish(binding.key, {qp.domain_pd->number, address, binding.length,
                                    first_address(binding), binding.access});
        window.bound_key = binding.key;
        window.region = binding.region;  // its count of windows goes over to the window
    } else if (binding.region != nullptr) {
        binding.region->windows.fetch_sub(1);
    }
    window.pending.fetch_sub(1);
    return kDone;
}

// It opens to the peer of this queue pair alone: type 2B.
Transmission bind_type_2(Qp &qp, const Binding &binding) noexcept {
    uint64_t address = 0;
    if (!judge(qp, binding, address)) return kRefused;
    const Extent extent{bound_to(qp.qp_num), address, binding.length, first_address(binding),
                        binding.access};
    if (!qp.owner->windows().bind(*binding.window, binding, extent, qp.qp_num)) return kRefused;
    binding.window->pending.fetch_sub(1);
    return kDone;
}

Transmission invalidate(Qp &qp, uint32_t key) noexcept {
    const Unbound unbound = qp.owner->windows().invalidate(key, qp.qp_num);
    if (unbound.key == 0) return kRefused;
    qp.owner->let_go(unbound);
    return kDone;
}

}  // namespace

void hold_bind(const Binding &binding) noexcept {
    if (binding.region != nullptr) binding.region->windows.fetch_add(1);
    binding.window->pending.fetch_add(1);
}

void drop_bind(SendWqe &wqe) noexcept {
    if (wqe.binding.region != nullptr) wqe.binding.region->windows.fetch_sub(1);
    wqe.binding.window->pending.fetch_sub(1);
}

Transmission change_window(Qp &qp, SendWqe &wqe) noexcept {
    if (!is_oldest(qp)) return kWait;
    if (wqe.opcode == kOpcodeInvalidate) return invalidate(qp, wqe.imm_be);
    const Binding &binding = wqe.binding;
    return binding.window->is_type_2 ? bind_type_2(qp, binding) : bind_type_1(qp, binding);
}

}  // namespace soft
