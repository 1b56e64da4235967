// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Entering and withdrawing memory regions.
#include "link/mr_table.hpp"

#include "link/sealed_memory.hpp"

namespace soft {

using verbs::fail;
using verbs::Result;

Result<MrTable> MrTable::create() {
    MrTable table;
    VERBS_TRY(fd, make_sealed_memory("verbs-soft-home", sizeof(Home)));
    VERBS_TRY(memory, verbs::Mapping::shared(fd.get(), sizeof(Home), PROT_READ | PROT_WRITE));
    VERBS_CHECK(seal_writes(fd));
    table.fd_ = std::move(fd);
    table.memory_ = std::move(memory);
    table.mutex_ = std::make_unique<std::mutex>();
    auto &home = *static_cast<Home *>(table.memory_.data());
    home.version = kLayoutVersion;
    home.mr_capacity = kMrCapacity;
    home.magic = kHomeMagic;
    return table;
}

Result<uint32_t> MrTable::enter(uint32_t pd, uint64_t address, uint64_t length, uint64_t iova,
                                uint32_t access) {
    const std::lock_guard hold(*mutex_);
    uint32_t index = 0;
    if (unused_ < kMrCapacity && free_.size() < 64) {
        // Fresh numbers first, and old ones only after a while: a key that was just given back
        // should not be valid again at once.
        index = unused_++;
        generation_.resize(unused_);
    } else if (!free_.empty()) {
        index = free_.front();
        free_.pop_front();
    } else {
        return fail(ENOMEM, "all " + std::to_string(kMrCapacity - 1) + " memory regions in use");
    }
    if (++generation_[index] == 0) generation_[index] = 1;
    const uint32_t key = index << 8 | generation_[index];
    SharedMr &mr = static_cast<Home *>(memory_.data())->mrs[index];
    mr.access.store(access, std::memory_order_relaxed);
    mr.pd.store(pd, std::memory_order_relaxed);
    mr.iova.store(iova, std::memory_order_relaxed);
    mr.address.store(address, std::memory_order_relaxed);
    mr.length.store(length, std::memory_order_relaxed);
    mr.key.store(key, std::memory_order_release);  // pairs with the acquire in translate()
    return key;
}

void MrTable::withdraw(uint32_t key) noexcept {
    const uint32_t index = key >> 8;
    SharedMr &mr = static_cast<Home *>(memory_.data())->mrs[index];
    // seq_cst pairs with the requester's: he announces the key, then looks here; we clear it here,
    // then look at what he announces. One of the two sees the other.
    mr.key.store(0, std::memory_order_seq_cst);
    const std::lock_guard hold(*mutex_);
    try {
        free_.push_back(index);
    } catch (...) {
        // Out of memory: the index is lost for this process, nothing else is wrong.
    }
}

}  // namespace soft
