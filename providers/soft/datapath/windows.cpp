// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Windows of type 2: found, bound, unbound.
#include "datapath/windows.hpp"

#include "datapath/qp.hpp"
#include "link/mr_table.hpp"

#include <mutex>
#include <utility>

namespace soft {

void Windows::add(Mw &window) {
    const std::lock_guard hold(lock_);
    windows_.emplace(window.index, &window);
}

Unbound Windows::remove(Mw &window) noexcept {
    const std::lock_guard hold(lock_);
    windows_.erase(window.index);
    return unbind(window);
}

bool Windows::bind(Mw &window, const Binding &binding, const Extent &extent,
                   uint32_t qpn) noexcept {
    const std::lock_guard hold(lock_);
    if (window.bound_key != 0 || binding.key >> 8 != window.index || binding.key == window.last_key)
        return false;
    window.bound_key = window.last_key = binding.key;
    window.region = binding.region;
    window.holder = qpn;
    table_.publish(binding.key, extent);
    return true;
}

Unbound Windows::invalidate(uint32_t key, uint32_t qpn) noexcept {
    const std::lock_guard hold(lock_);
    const auto found = windows_.find(key >> 8);
    if (key == 0 || found == windows_.end() || found->second->bound_key != key ||
        found->second->holder != qpn)
        return {};
    return unbind(*found->second);
}

Unbound Windows::unbind_one_of(uint32_t qpn) noexcept {
    const std::lock_guard hold(lock_);
    for (const auto &[index, window] : windows_)
        if (window->bound_key != 0 && window->holder == qpn) return unbind(*window);
    return {};
}

Unbound Windows::unbind(Mw &window) noexcept {
    if (window.bound_key == 0) return {};
    table_.close(window.bound_key);
    return {std::exchange(window.bound_key, 0), std::exchange(window.region, nullptr)};
}

}  // namespace soft
