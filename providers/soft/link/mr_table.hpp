// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The memory regions of this process, in memory that other processes of the user may read: whoever
// wants to copy to or from us checks our keys himself, and a region that goes is gone for all.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "datapath/fence.hpp"
#include "link/layout.hpp"
#include "link/shared_files.hpp"

#include <infiniband/verbs.h>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace soft {

// The address of a region without memory, wherever in it: what is written there vanishes, what is
// read is zero. Peers have no rights in such a region.
inline constexpr uint64_t kNoMemory = ~uint64_t{0};

// Rights of a region beside those of enum ibv_access_flags.
// Its pages need not be there when they are used, or no more: only the kernel may touch them.
inline constexpr uint32_t kAccessFaults = IBV_ACCESS_ON_DEMAND;
// Its pages are no ordinary ones: no other process can reach them.
inline constexpr uint32_t kAccessOwnersAlone = 1u << 31;

// Whether `key` in `home` (ours or a peer's) lets `needed` access to `length` bytes at `at` of
// protection domain `pd`; the address in its owner's memory is then in `address`, and everything
// that the region allows in `rights`.
[[nodiscard]] inline bool translate(const Home &home, uint32_t key, uint64_t at, uint64_t length,
                                    uint32_t needed, uint32_t pd, uint64_t &address,
                                    uint32_t &rights) noexcept {
    const uint32_t index = key >> 8;
    if (key == 0 || index >= kMrCapacity) return false;
    const SharedMr &mr = home.mrs[index];
    if (mr.key.load(std::memory_order_acquire) != key) return false;
    const uint64_t iova = mr.iova.load(std::memory_order_relaxed);
    const uint64_t extent = mr.length.load(std::memory_order_relaxed);
    if (mr.pd.load(std::memory_order_relaxed) != pd) return false;
    rights = mr.access.load(std::memory_order_relaxed);
    if ((rights & needed) != needed) return false;
    if (at < iova || length > extent || at - iova > extent - length) return false;
    const uint64_t start = mr.address.load(std::memory_order_relaxed);
    address = start == kNoMemory ? kNoMemory : start + (at - iova);
    // The fields above belong to the key only if the key is still the same.
    read_fence();
    return mr.key.load(std::memory_order_relaxed) == key;
}

[[nodiscard]] inline bool translate(const Home &home, uint32_t key, uint64_t at, uint64_t length,
                                    uint32_t needed, uint32_t pd, uint64_t &address) noexcept {
    uint32_t rights = 0;
    return translate(home, key, at, length, needed, pd, address, rights);
}

// The same for what the peer of queue pair `qpn` asks for: windows that are bound to that one open,
// too.
[[nodiscard]] inline bool translate_for_peer(const Home &home, uint32_t key, uint64_t at,
                                             uint64_t length, uint32_t needed, uint32_t pd,
                                             uint32_t qpn, uint64_t &address,
                                             uint32_t &rights) noexcept {
    return translate(home, key, at, length, needed, pd, address, rights) ||
           translate(home, key, at, length, needed, bound_to(qpn), address, rights);
}

[[nodiscard]] inline bool translate_for_peer(const Home &home, uint32_t key, uint64_t at,
                                             uint64_t length, uint32_t needed, uint32_t pd,
                                             uint32_t qpn, uint64_t &address) noexcept {
    uint32_t rights = 0;
    return translate_for_peer(home, key, at, length, needed, pd, qpn, address, rights);
}

// Where a remote address is: in its owner's memory, and in the file that this memory shares.
struct RemotePlace {
    uint64_t address;
    uint32_t file;  // 0: none
    uint64_t file_offset;
    uint32_t rights;  // of the region
};

// The same as translate_for_peer(), with the file.
[[nodiscard]] inline bool find_place(const Home &home, uint32_t key, uint64_t at, uint64_t length,
                                     uint32_t needed, uint32_t pd, uint32_t qpn,
                                     RemotePlace &place) noexcept {
    if (!translate_for_peer(home, key, at, length, needed, pd, qpn, place.address, place.rights))
        return false;
    const SharedMr &mr = home.mrs[key >> 8];
    place.file = mr.file.load(std::memory_order_relaxed);
    place.file_offset = mr.file_offset.load(std::memory_order_relaxed) +
                        (at - mr.iova.load(std::memory_order_relaxed));
    read_fence();
    return mr.key.load(std::memory_order_relaxed) == key;
}

// What a key stands for.
struct Extent {
    uint32_t pd;
    uint64_t address;
    uint64_t length;
    uint64_t iova;
    uint32_t access;
    FilePlace shared = {};
};

class MrTable {
public:
    static verbs::Result<MrTable> create();

    // Enters a region; gives its key (lkey and rkey alike).
    verbs::Result<uint32_t> enter(const Extent &extent);
    // Takes a region out for good: no access that begins after this call finds it.
    void withdraw(uint32_t key) noexcept;

    // What a key stands for. False: nothing.
    [[nodiscard]] bool find(uint32_t key, Extent &extent) const noexcept;

    // The same in steps, for a memory window: an index of its own for life, a new key for each
    // bind, published and closed as the binds are carried out. publish() and close() never
    // allocate.
    verbs::Result<uint32_t> allot();
    [[nodiscard]] uint32_t next_key(uint32_t index) noexcept;
    void publish(uint32_t key, const Extent &extent) noexcept;
    void close(uint32_t key) noexcept;
    void give_back(uint32_t index) noexcept;

    [[nodiscard]] const Home &home() const noexcept {
        return *static_cast<const Home *>(memory_.data());
    }
    // What goes to peers: they can map it, but only to read.
    [[nodiscard]] const verbs::UniqueFd &fd() const noexcept { return fd_; }

private:
    verbs::UniqueFd fd_;
    verbs::Mapping memory_;
    std::unique_ptr<std::mutex> mutex_;
    std::deque<uint32_t> free_;        // indexes that were used before
    uint32_t unused_ = 1;              // first index that was never used; 0 is never a region
    std::vector<uint8_t> generation_;  // low byte of the last key of each index
};

}  // namespace soft
