// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The memory that a queue lies in: our own, or the program's where the queue was made in a parent
// domain with allocators. Taken and given back under no lock: the program's code may run.
#pragma once

#include "core/result.hpp"

#include <infiniband/verbs.h>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace soft {

// The program's calls, of a parent domain that has them. Lives as long as the memory.
struct QueueAllocator {
    using Alloc = void *(ibv_pd *, void *, std::size_t, std::size_t, uint64_t);
    using Free = void(ibv_pd *, void *, void *, uint64_t);

    Alloc *alloc = nullptr;  // nullptr: there are none
    Free *free = nullptr;
    ibv_pd *pd = nullptr;
    void *pd_context = nullptr;
};

// What the program is told that the memory is for: the resource code. The driver's number in its
// upper half is that of no driver, 0.
enum class QueueKind : uint32_t { send = 1, receive = 2, shared_receive = 3, completion = 4 };

class QueueMemory {
public:
    static constexpr std::size_t kAlignment = 64;  // of all of them

    QueueMemory() = default;
    QueueMemory(QueueMemory &&other) noexcept : held_(std::exchange(other.held_, {})) {}
    QueueMemory &operator=(QueueMemory &&other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~QueueMemory() { release(); }

    // `allocator` may be nullptr. Our own memory for a completion queue is pages that come with
    // use, as such queues are often far longer than what waits in them.
    static verbs::Result<QueueMemory> take(const QueueAllocator *allocator, QueueKind kind,
                                           std::size_t size);

    [[nodiscard]] uint8_t *data() const noexcept { return held_.data; }

private:
    enum class Origin : uint8_t { heap, pages, program };
    struct Held {
        uint8_t *data = nullptr;
        std::size_t size = 0;
        const QueueAllocator *allocator = nullptr;
        QueueKind kind = {};
        Origin origin = Origin::heap;
    };
    void release() noexcept;

    Held held_;
};

}  // namespace soft
