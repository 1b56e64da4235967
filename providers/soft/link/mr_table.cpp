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

Result<uint32_t> MrTable::enter(const Extent &extent) {
    VERBS_TRY(index, allot());
    const uint32_t key = next_key(index);
    publish(key, extent);
    return key;
}

Result<uint32_t> MrTable::allot() {
    const std::lock_guard hold(*mutex_);
    if (unused_ < kMrCapacity && free_.size() < 64) {
        // Fresh numbers first, and old ones only after a while: a key that was just given back
        // should not be valid again at once.
        generation_.resize(unused_ + 1);
        return unused_++;
    }
    if (free_.empty())
        return fail(ENOMEM, "all " + std::to_string(kMrCapacity - 1) + " memory regions in use");
    const uint32_t index = free_.front();
    free_.pop_front();
    return index;
}

uint32_t MrTable::next_key(uint32_t index) noexcept {
    const std::lock_guard hold(*mutex_);
    if (++generation_[index] == 0) generation_[index] = 1;
    return index << 8 | generation_[index];
}

void MrTable::publish(uint32_t key, const Extent &extent) noexcept {
    SharedMr &mr = static_cast<Home *>(memory_.data())->mrs[key >> 8];
    mr.access.store(extent.access, std::memory_order_relaxed);
    mr.pd.store(extent.pd, std::memory_order_relaxed);
    mr.iova.store(extent.iova, std::memory_order_relaxed);
    mr.address.store(extent.address, std::memory_order_relaxed);
    mr.length.store(extent.length, std::memory_order_relaxed);
    mr.file.store(extent.shared.file, std::memory_order_relaxed);
    mr.file_offset.store(extent.shared.offset, std::memory_order_relaxed);
    mr.key.store(key, std::memory_order_release);  // pairs with the acquire in translate()
}

void MrTable::close(uint32_t key) noexcept {
    SharedMr &mr = static_cast<Home *>(memory_.data())->mrs[key >> 8];
    // seq_cst pairs with the requester's: he announces the key, then looks here; we clear it here,
    // then look at what he announces. One of the two sees the other.
    mr.key.store(0, std::memory_order_seq_cst);
}

// An imported region is taken out by whoever comes first.
void MrTable::withdraw(uint32_t key) noexcept {
    SharedMr &mr = static_cast<Home *>(memory_.data())->mrs[key >> 8];
    uint32_t expected = key;
    // seq_cst as in close().
    if (mr.key.compare_exchange_strong(expected, 0, std::memory_order_seq_cst)) give_back(key >> 8);
}

bool MrTable::find(uint32_t key, Extent &extent) const noexcept {
    const uint32_t index = key >> 8;
    if (key == 0 || index >= kMrCapacity) return false;
    const SharedMr &mr = home().mrs[index];
    if (mr.key.load(std::memory_order_acquire) != key) return false;
    extent.pd = mr.pd.load(std::memory_order_relaxed);
    extent.address = mr.address.load(std::memory_order_relaxed);
    extent.length = mr.length.load(std::memory_order_relaxed);
    extent.iova = mr.iova.load(std::memory_order_relaxed);
    extent.access = mr.access.load(std::memory_order_relaxed);
    // The fields above belong to the key only if the key is still the same.
    read_fence();
    return mr.key.load(std::memory_order_relaxed) == key;
}

void MrTable::give_back(uint32_t index) noexcept {
    const std::lock_guard hold(*mutex_);
    try {
        free_.push_back(index);
    } catch (...) {
        // Out of memory: the index is lost for this process, nothing else is wrong.
    }
}

}  // namespace soft
