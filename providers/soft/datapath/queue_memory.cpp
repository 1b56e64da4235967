// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/queue_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>

namespace soft {

using verbs::fail;
using verbs::Result;

namespace {

// What an allocator returns to leave the memory to us: IBV_ALLOCATOR_USE_DEFAULT.
void *use_default() noexcept {
    return reinterpret_cast<void *>(~std::uintptr_t{0});
}

}  // namespace

Result<QueueMemory> QueueMemory::take(const QueueAllocator *allocator, QueueKind kind,
                                      std::size_t size) {
    QueueMemory taken;
    Held &held = taken.held_;
    held.size = size;
    held.kind = kind;
    if (allocator != nullptr && allocator->alloc != nullptr) {
        void *memory = allocator->alloc(allocator->pd, allocator->pd_context, size, kAlignment,
                                        static_cast<uint64_t>(kind));
        if (memory == nullptr)
            return fail(ENOMEM, "the program's allocator has no memory for a queue");
        if (memory != use_default()) {
            held.data = static_cast<uint8_t *>(memory);
            held.allocator = allocator;
            held.origin = Origin::program;
            if (reinterpret_cast<uintptr_t>(memory) % kAlignment != 0)
                return fail(EINVAL, "the program's allocator returned memory that is not aligned");
            return taken;
        }
    }
    if (kind == QueueKind::completion) {
        held.origin = Origin::pages;
        void *pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (pages == MAP_FAILED) return fail(ENOMEM, "no memory for the completion queue");
        held.data = static_cast<uint8_t *>(pages);
        return taken;
    }
    held.data = static_cast<uint8_t *>(std::aligned_alloc(kAlignment, size));
    if (held.data == nullptr) return fail(ENOMEM, "no memory for the queue");
    return taken;
}

void QueueMemory::release() noexcept {
    if (held_.data == nullptr) return;
    switch (held_.origin) {
    case Origin::heap:
        std::free(held_.data);
        return;
    case Origin::pages:
        ::munmap(held_.data, held_.size);
        return;
    case Origin::program:
        if (held_.allocator->free != nullptr)
            held_.allocator->free(held_.allocator->pd, held_.allocator->pd_context, held_.data,
                                  static_cast<uint64_t>(held_.kind));
        return;
    }
}

}  // namespace soft
