// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging the header of a mapped queue, once.
#include "datapath/queue.hpp"

#include <string>

namespace rxe {

using verbs::fail;

verbs::Result<SharedQueue::Shape> SharedQueue::judge(void *start, std::size_t size,
                                                     std::size_t element) {
    // 2^31 bytes for a slot is far above what any queue has, and keeps the arithmetic in 64 bits.
    constexpr uint32_t kMaxShift = 31;
    if (size < sizeof(rxe_queue_buf))
        return fail(EPROTO, "the kernel's queue is shorter than its header");
    auto *header = static_cast<rxe_queue_buf *>(start);
    const Shape shape{header, load(header->index_mask), load(header->log2_elem_size)};
    const std::uint64_t slots = std::uint64_t{shape.mask} + 1;
    if ((slots & (slots - 1)) != 0)
        return fail(EPROTO, "the kernel's queue has " + std::to_string(slots) +
                                " slots, which is no power of two");
    if (shape.shift > kMaxShift || (std::size_t{1} << shape.shift) < element)
        return fail(EPROTO, "the slots of the kernel's queue are of 2^" +
                                std::to_string(shape.shift) + " bytes, and " +
                                std::to_string(element) + " are needed");
    if ((slots << shape.shift) > size - sizeof(rxe_queue_buf))
        return fail(EPROTO, "the slots of the kernel's queue do not fit into its " +
                                std::to_string(size) + " bytes");
    return shape;
}

}  // namespace rxe
