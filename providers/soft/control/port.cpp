// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The GID table: updated as a whole, read without a lock.
#include "control/port.hpp"

#include "datapath/fence.hpp"
#include "link/lid.hpp"

#include <algorithm>
#include <cstring>

namespace soft {

namespace {

bool is_zero(const ibv_gid &gid) noexcept {
    return std::ranges::all_of(gid.raw, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

GidTable::Change GidTable::update(const std::vector<ibv_gid> &gids) noexcept {
    Gids table = snapshot();
    Change change;
    const auto is_among = [](const auto &list, const ibv_gid &gid) {
        return std::ranges::any_of(list,
                                   [&](const ibv_gid &one) { return is_same_gid(one, gid.raw); });
    };
    for (ibv_gid &own : table) {
        if (is_zero(own) || is_among(gids, own)) continue;
        own = {};
        change.any = true;
    }
    for (const ibv_gid &gid : gids) {
        if (is_among(table, gid)) continue;
        const auto place = std::ranges::find_if(table, is_zero);
        if (place == table.end()) {
            ++change.left_out;
            continue;
        }
        *place = gid;
        change.any = true;
    }
    if (change.any) publish(table);
    return change;
}

ibv_gid GidTable::at(int index) const noexcept {
    return snapshot()[static_cast<std::size_t>(index)];
}

bool GidTable::contains(const uint8_t *gid) const noexcept {
    uint64_t wanted[2];
    std::memcpy(wanted, gid, sizeof wanted);
    if ((wanted[0] | wanted[1]) == 0) return false;  // stands in every empty place
    for (;;) {
        const uint32_t version = version_.load(std::memory_order_acquire);  // as in snapshot()
        const Words &words = tables_[version & 1];
        bool is_found = false;
        for (std::size_t i = 0; i < words.size() && !is_found; i += 2)
            is_found = words[i].load(std::memory_order_relaxed) == wanted[0] &&
                       words[i + 1].load(std::memory_order_relaxed) == wanted[1];
        read_fence();
        if (version_.load(std::memory_order_relaxed) == version) return is_found;
    }
}

GidTable::Gids GidTable::snapshot() const noexcept {
    for (;;) {
        // acquire pairs with the release in publish(): the table of this version is whole.
        const uint32_t version = version_.load(std::memory_order_acquire);
        const Words &words = tables_[version & 1];
        std::array<uint64_t, 2 * kGidTableLength> copy;
        for (std::size_t i = 0; i < copy.size(); ++i)
            copy[i] = words[i].load(std::memory_order_relaxed);
        // Pairs with the fence in publish(): who read a word of the next version but one sees that
        // the version has moved.
        read_fence();
        if (version_.load(std::memory_order_relaxed) != version) continue;
        Gids gids;
        static_assert(sizeof gids == sizeof copy);
        std::memcpy(static_cast<void *>(gids.data()), copy.data(), sizeof gids);
        return gids;
    }
}

void GidTable::publish(const Gids &gids) noexcept {
    const uint32_t version = version_.load(std::memory_order_relaxed);
    std::array<uint64_t, 2 * kGidTableLength> copy;
    std::memcpy(copy.data(), gids.data(), sizeof copy);
    publish_before_look();
    Words &words = tables_[(version + 1) & 1];
    for (std::size_t i = 0; i < copy.size(); ++i)
        words[i].store(copy[i], std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_release);
}

}  // namespace soft
