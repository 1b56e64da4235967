// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copying along a list with pages that may be missing: the kernel does it, through memory that the
// process has for peers' requests too (link/own_memory.hpp).
#include "datapath/gather.hpp"

#include "link/own_memory.hpp"

namespace soft {

namespace {

constexpr std::size_t kStep = OwnMemory::kMost;

}  // namespace

void MemoryList::read_with_care(uint8_t *to, const uint8_t *from, std::size_t length) noexcept {
    if (from == nullptr) {
        std::memset(to, 0, length);
        return;
    }
    for (std::size_t done = 0; done < length && !has_faulted_; done += kStep)
        has_faulted_ = care_->read(to + done, reinterpret_cast<uintptr_t>(from) + done,
                                   std::min(kStep, length - done)) != 0;
}

void MemoryList::write_with_care(uint8_t *to, const uint8_t *from, std::size_t length) noexcept {
    for (std::size_t done = 0; done < length && !has_faulted_; done += kStep)
        has_faulted_ = care_->write(reinterpret_cast<uintptr_t>(to) + done, from + done,
                                    std::min(kStep, length - done)) != 0;
}

}  // namespace soft
