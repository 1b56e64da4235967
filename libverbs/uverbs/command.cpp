// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "uverbs/command.hpp"

#include "uverbs/failure.hpp"

namespace verbs::uverbs {
namespace {

// Both are positive ints in the kernel.
constexpr std::uint64_t kLargest = std::numeric_limits<int>::max();

}  // namespace

Result<std::uint32_t> AnyCommand::created_object(const char *verb, Place place) const {
    const std::uint64_t handle = at(place)->data;
    if (handle > kLargest) return odd_answer(verb, "no handle for what was created");
    return static_cast<std::uint32_t>(handle);
}

Result<int> AnyCommand::created_descriptor(const char *verb, Place place) const {
    const std::uint64_t fd = at(place)->data;
    if (fd > kLargest) return odd_answer(verb, "no descriptor for what was created");
    return static_cast<int>(fd);
}

}  // namespace verbs::uverbs
