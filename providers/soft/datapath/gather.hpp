// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Gather and scatter lists: from a program's SGEs to checked addresses, and copying along them.
#pragma once

#include "link/mr_table.hpp"

#include <infiniband/verbs.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace soft {

class OwnMemory;

inline constexpr uint32_t kMaxSge = 32;

// Copies so that who watches the last byte (or word) change sees everything before it changed, as
// programs expect of RDMA WRITE.
inline void copy_in_order(uint8_t *to, const uint8_t *from, uint64_t length) noexcept {
    if (length == sizeof(uint64_t) && reinterpret_cast<uintptr_t>(to) % sizeof(uint64_t) == 0) {
        uint64_t word;
        std::memcpy(&word, from, sizeof word);
        __atomic_store_n(reinterpret_cast<uint64_t *>(to), word, __ATOMIC_RELEASE);
        return;
    }
    if (length == 0) return;
    std::memcpy(to, from, length - 1);
    __atomic_store_n(to + length - 1, from[length - 1], __ATOMIC_RELEASE);
}

// Without a call for the length that is short enough to feel one.
inline void copy_short(uint8_t *to, const uint8_t *from, std::size_t length) noexcept {
    if (length == sizeof(uint64_t))
        std::memcpy(to, from, sizeof(uint64_t));
    else
        std::memcpy(to, from, length);
}

// Where the first `length` bytes of one SGE are, which most lists are. nullptr: it is to be made a
// MemoryList, as there are more, or none, or not of ordinary memory, or not allowed.
[[nodiscard]] inline uint8_t *find_plain_piece(const Home &home, uint32_t pd, uint32_t access,
                                               const ibv_sge *sges, uint32_t count,
                                               uint64_t length) noexcept {
    if (count != 1 || length == 0 || length > sges->length) return nullptr;
    uint64_t address = 0;
    uint32_t rights = 0;
    if (!translate(home, sges->lkey, sges->addr, length, access, pd, address, rights) ||
        address == kNoMemory || (rights & kAccessFaults) != 0)
        return nullptr;
    return reinterpret_cast<uint8_t *>(address);
}

// A part without memory (kNoMemory) has no address: it takes anything and gives zeros. Where pages
// may be missing (kAccessFaults) the kernel copies; when it cannot, the list has met a fault, and
// what was copied since is nothing.
class MemoryList {
public:
    // Checks the SGEs against our own regions and notes their first `length` bytes.
    // False: a key, a range or an access right is wrong.
    [[nodiscard]] bool build(const Home &home, OwnMemory &care, uint32_t pd, uint32_t access,
                             const ibv_sge *sges, uint32_t count, uint64_t length) noexcept {
        count_ = 0;
        has_holes_ = false;
        care_ = nullptr;
        has_faulted_ = false;
        for (uint32_t i = 0; i < count && length > 0; ++i) {
            if (sges[i].length == 0) continue;
            const uint64_t part = std::min<uint64_t>(sges[i].length, length);
            uint64_t address = 0;
            uint32_t rights = 0;
            if (!translate(home, sges[i].lkey, sges[i].addr, part, access, pd, address, rights))
                return false;
            if (address == kNoMemory) [[unlikely]] {
                has_holes_ = true;
                address = 0;
            } else if ((rights & kAccessFaults) != 0) [[unlikely]] {
                if (address == 0) return false;  // of a region of everything; never mapped
                care_ = &care;
            }
            parts_[count_++] = {reinterpret_cast<void *>(address), static_cast<std::size_t>(part)};
            length -= part;
        }
        return true;
    }

    // Copies the next `length` bytes of `from` into the listed memory.
    void scatter(const void *from, uint64_t length) noexcept {
        const auto *source = static_cast<const uint8_t *>(from);
        while (length > 0 && at_ < count_) {
            const uint64_t step = std::min<uint64_t>(length, parts_[at_].iov_len - offset_);
            write(parts_[at_], offset_, source, step);
            source += step;
            length -= step;
            offset_ += step;
            if (offset_ == parts_[at_].iov_len) {
                ++at_;
                offset_ = 0;
            }
        }
    }

    // Copies all the listed memory to `to`.
    void gather(void *to) noexcept {
        auto *target = static_cast<uint8_t *>(to);
        for (uint32_t i = 0; i < count_; ++i) {
            read(target, parts_[i], 0, parts_[i].iov_len);
            target += parts_[i].iov_len;
        }
    }

    // The same, the last byte last.
    void gather_in_order(uint8_t *to) noexcept {
        for (uint32_t i = 0; i + 1 < count_; ++i) {
            read(to, parts_[i], 0, parts_[i].iov_len);
            to += parts_[i].iov_len;
        }
        if (count_ == 0) return;
        const iovec &last = parts_[count_ - 1];
        if (last.iov_base != nullptr && care_ == nullptr) [[likely]] {
            copy_in_order(to, static_cast<const uint8_t *>(last.iov_base), last.iov_len);
        } else {
            // What somebody may watch is stored from here, when all else has been.
            std::array<uint8_t, sizeof(uint64_t)> end{};
            const std::size_t tail = std::min(last.iov_len, end.size());
            read(to, last, 0, last.iov_len - tail);
            read(end.data(), last, last.iov_len - tail, tail);
            if (!has_faulted_) copy_in_order(to + last.iov_len - tail, end.data(), tail);
        }
    }

    // Steps over the first `length` bytes; scatter() and gather_next() go on from there.
    void skip(uint64_t length) noexcept {
        for (; at_ < count_ && length >= parts_[at_].iov_len; ++at_)
            length -= parts_[at_].iov_len;
        offset_ = length;
    }

    // Copies the next `length` bytes of the listed memory to `to`.
    void gather_next(void *to, uint64_t length) noexcept {
        auto *target = static_cast<uint8_t *>(to);
        while (length > 0 && at_ < count_) {
            const uint64_t step = std::min<uint64_t>(length, parts_[at_].iov_len - offset_);
            read(target, parts_[at_], offset_, step);
            target += step;
            length -= step;
            offset_ += step;
            if (offset_ == parts_[at_].iov_len) {
                ++at_;
                offset_ = 0;
            }
        }
    }

    [[nodiscard]] iovec *parts() noexcept { return parts_.data(); }
    [[nodiscard]] uint32_t count() const noexcept { return count_; }
    // Whether a part has no memory, so that the parts are no list for the kernel.
    [[nodiscard]] bool has_holes() const noexcept { return has_holes_; }
    // Whether another process may copy to and from the parts by their addresses.
    [[nodiscard]] bool is_plain() const noexcept { return !has_holes_ && care_ == nullptr; }
    // Whether pages of a part may be missing, so that only this process should touch them, and
    // whether some were.
    [[nodiscard]] bool may_fault() const noexcept { return care_ != nullptr; }
    [[nodiscard]] bool has_faulted() const noexcept { return has_faulted_; }

private:
    void read(uint8_t *to, const iovec &part, std::size_t offset, std::size_t length) noexcept {
        const auto *from = static_cast<const uint8_t *>(part.iov_base);
        if (from != nullptr && care_ == nullptr) [[likely]]
            std::memcpy(to, from + offset, length);
        else
            read_with_care(to, from != nullptr ? from + offset : nullptr, length);
    }
    void write(const iovec &part, std::size_t offset, const uint8_t *from,
               std::size_t length) noexcept {
        auto *to = static_cast<uint8_t *>(part.iov_base);
        if (to != nullptr && care_ == nullptr) [[likely]]
            std::memcpy(to + offset, from, length);
        else if (to != nullptr)
            write_with_care(to + offset, from, length);
    }
    // In datapath/gather.cpp: with system calls. From nowhere (nullptr) come zeros.
    void read_with_care(uint8_t *to, const uint8_t *from, std::size_t length) noexcept;
    void write_with_care(uint8_t *to, const uint8_t *from, std::size_t length) noexcept;

    std::array<iovec, kMaxSge> parts_;  // not initialised: hot
    uint32_t count_ = 0;
    bool has_holes_ = false;
    bool has_faulted_ = false;
    OwnMemory *care_ = nullptr;  // who copies where pages may be missing
    uint32_t at_ = 0;
    std::size_t offset_ = 0;
};

}  // namespace soft
