// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What may be wrong with the header of a mapped queue, in words.
#include "datapath/queue.hpp"

#include <string>

namespace rxe {

using verbs::fail;

verbs::Failure SharedQueue::is_short() {
    return fail(EPROTO, "the kernel's queue is shorter than its header");
}

verbs::Failure SharedQueue::has_odd_slots(std::uint64_t slots) {
    return fail(EPROTO, "the kernel's queue has " + std::to_string(slots) +
                            " slots, which is no power of two");
}

verbs::Failure SharedQueue::has_small_slots(const Shape &shape, std::size_t element) {
    return fail(EPROTO, "the slots of the kernel's queue are of 2^" + std::to_string(shape.shift) +
                            " bytes, and " + std::to_string(element) + " are needed");
}

verbs::Failure SharedQueue::has_no_room(std::size_t size) {
    return fail(EPROTO, "the slots of the kernel's queue do not fit into its " +
                            std::to_string(size) + " bytes");
}

}  // namespace rxe
