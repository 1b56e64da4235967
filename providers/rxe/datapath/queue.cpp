// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Judging the header of a mapped queue, once.
#include "datapath/queue.hpp"

#include <string>

namespace rxe {

using verbs::fail;

verbs::Result<rxe_queue_buf *> SharedQueue::judge(void *start, std::size_t size,
                                                  std::size_t element) {
    // 2^31 bytes for a slot is far above what any queue has, and keeps the arithmetic in 64 bits.
    constexpr uint32_t kMaxShift = 31;
    if (size < sizeof(rxe_queue_buf))
        return fail(EPROTO, "the kernel's queue is shorter than its header");
    auto *header = static_cast<rxe_queue_buf *>(start);
    const std::uint64_t slots = std::uint64_t{header->index_mask} + 1;
    if ((slots & (slots - 1)) != 0)
        return fail(EPROTO, "the kernel's queue has " + std::to_string(slots) +
                                " slots, which is no power of two");
    if (header->log2_elem_size > kMaxShift || (std::size_t{1} << header->log2_elem_size) < element)
        return fail(EPROTO, "the slots of the kernel's queue are of 2^" +
                                std::to_string(header->log2_elem_size) + " bytes, and " +
                                std::to_string(element) + " are needed");
    if ((slots << header->log2_elem_size) > size - sizeof(rxe_queue_buf))
        return fail(EPROTO, "the slots of the kernel's queue do not fit into its " +
                                std::to_string(size) + " bytes");
    return header;
}

}  // namespace rxe
