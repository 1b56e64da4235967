// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two kinds of queue that rdma_rxe shares with a process: WorkQueue, which we fill and the
// kernel empties, and CompletionQueue, the other way round. A header with two indices, then slots
// of one size, as many as a power of two.
//
// Each side writes its own index, always masked, and reads the other's. Equal indices mean empty,
// so one slot stays free for ever. What the kernel writes is masked before it is used: whatever is
// in the shared memory, no slot outside of the mapping is touched. Our own index, the mask and the
// size of a slot are kept here and never read back.
#pragma once

#include "core/result.hpp"
#include "datapath/layout.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace rxe {

static_assert(offsetof(rxe_queue_buf, producer_index) == 128);
static_assert(offsetof(rxe_queue_buf, consumer_index) == 256);
static_assert(sizeof(rxe_queue_buf) == 384);

class SharedQueue {
public:
    SharedQueue() = default;

    // Requests (or completions) that there is room for.
    [[nodiscard]] uint32_t capacity() const noexcept { return mask_; }
    [[nodiscard]] bool is_open() const noexcept { return header_ != nullptr; }

protected:
    // What a header tells. Read once: the memory is shared, and may have changed since.
    struct Shape {
        rxe_queue_buf *header;
        uint32_t mask;
        uint32_t shift;
    };
    explicit SharedQueue(const Shape &shape) noexcept
        : header_(shape.header), slots_(reinterpret_cast<uint8_t *>(shape.header + 1)),
          mask_(shape.mask), shift_(shape.shift) {}

    // The queue that lies in these bytes, if it does. `element` is how many bytes of a slot we use.
    // Inline, also in open(): who opens a queue keeps what it is in registers.
    [[nodiscard, gnu::always_inline]] static verbs::Result<Shape>
    judge(void *start, std::size_t size, std::size_t element) {
        // 2^31 bytes for a slot is far above what any queue has, and keeps the arithmetic in 64
        // bits.
        constexpr uint32_t kMaxShift = 31;
        if (size < sizeof(rxe_queue_buf)) return is_short();
        auto *header = static_cast<rxe_queue_buf *>(start);
        const Shape shape{header, load(header->index_mask), load(header->log2_elem_size)};
        const std::uint64_t slots = std::uint64_t{shape.mask} + 1;
        if ((slots & (slots - 1)) != 0) return has_odd_slots(slots);
        if (shape.shift > kMaxShift || (std::size_t{1} << shape.shift) < element)
            return has_small_slots(shape, element);
        if ((slots << shape.shift) > size - sizeof(rxe_queue_buf)) return has_no_room(size);
        return shape;
    }

    [[nodiscard]] uint8_t *slot(uint32_t index) const noexcept {
        return slots_ + (static_cast<std::size_t>(index) << shift_);
    }
    // Pairs with the kernel's release of its index: what it did to slots before is seen after.
    [[nodiscard]] static uint32_t load(uint32_t &index) noexcept {
        return std::atomic_ref(index).load(std::memory_order_acquire);
    }
    // Pairs with the kernel's acquire: what we did to slots before is seen by it.
    static void store(uint32_t &index, uint32_t value) noexcept {
        std::atomic_ref(index).store(value, std::memory_order_release);
    }

private:
    // Out of line, as every failure (core/result.hpp).
    [[nodiscard, gnu::cold]] static verbs::Failure is_short();
    [[nodiscard, gnu::cold]] static verbs::Failure has_odd_slots(std::uint64_t slots);
    [[nodiscard, gnu::cold]] static verbs::Failure has_small_slots(const Shape &shape,
                                                                   std::size_t element);
    [[nodiscard, gnu::cold]] static verbs::Failure has_no_room(std::size_t size);

protected:
    rxe_queue_buf *header_ = nullptr;
    uint8_t *slots_ = nullptr;
    uint32_t mask_ = 0;
    uint32_t shift_ = 0;
};

// A send or receive queue. Its user holds the queue's lock.
class WorkQueue : public SharedQueue {
public:
    WorkQueue() = default;
    [[nodiscard, gnu::always_inline]] static verbs::Result<WorkQueue>
    open(void *start, std::size_t size, std::size_t element) {
        VERBS_TRY(shape, judge(start, size, element));
        return WorkQueue(shape);
    }

    // The kernel's index is read only when the queue looks full by what was read last, so that
    // posting does not pull the kernel's cache line over each time.
    [[nodiscard]] bool is_full() noexcept {
        if (((next_ + 1 - consumer_) & mask_) != 0) [[likely]]
            return false;
        consumer_ = load(header_->consumer_index);
        return ((next_ + 1 - consumer_) & mask_) == 0;
    }
    // The slot that is filled next. In a full queue it is the one that stays free: the kernel does
    // not look at it.
    template <class Wqe>
    [[nodiscard]] Wqe *next() const noexcept {
        return reinterpret_cast<Wqe *>(slot(next_));
    }
    void advance() noexcept { next_ = (next_ + 1) & mask_; }
    // Where the next slot is, and back there: what was filled since was not published.
    [[nodiscard]] uint32_t position() const noexcept { return next_; }
    void go_back_to(uint32_t position) noexcept { next_ = position; }
    // From here on the kernel sees what was filled.
    void publish() noexcept { store(header_->producer_index, next_); }

private:
    explicit WorkQueue(const Shape &shape) noexcept
        : SharedQueue(shape), next_(header_->producer_index & mask_),
          consumer_(load(header_->consumer_index)) {}

    uint32_t next_ = 0;
    uint32_t consumer_ = 0;  // as last seen; may be any number
};

// A completion queue. Its user holds the queue's lock.
class CompletionQueue : public SharedQueue {
public:
    CompletionQueue() = default;
    [[nodiscard, gnu::always_inline]] static verbs::Result<CompletionQueue> open(void *start,
                                                                                 std::size_t size) {
        VERBS_TRY(shape, judge(start, size, sizeof(ib_uverbs_wc)));
        return CompletionQueue(shape);
    }

    // How many completions wait.
    [[nodiscard]] uint32_t count() const noexcept {
        return (load(header_->producer_index) - next_) & mask_;
    }
    // One of them; 0 is the oldest.
    [[nodiscard]] ib_uverbs_wc &at(uint32_t index) const noexcept {
        return *reinterpret_cast<ib_uverbs_wc *>(slot((next_ + index) & mask_));
    }
    void drop(uint32_t count) noexcept { next_ = (next_ + count) & mask_; }
    // From here on the kernel may overwrite what was taken.
    void publish() noexcept { store(header_->consumer_index, next_); }

private:
    explicit CompletionQueue(const Shape &shape) noexcept
        : SharedQueue(shape), next_(header_->consumer_index & mask_) {}

    uint32_t next_ = 0;
};

}  // namespace rxe
