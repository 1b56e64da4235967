// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Structures that have grown: a caller built with an older header has only their front. The mask
// in them says which members he knows; nothing behind those is read or written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace verbs::exp {

// A member of a structure that counts when `bit` is in the mask, and where it ends.
struct Member {
    std::uint32_t bit;
    std::size_t end;
};

// The size of a member that is a pointer is meant where it is taken.
#define VERBS_EXP_MEMBER(type, bit, member)                                                        \
    ::verbs::exp::Member {                                                                         \
        bit,                                                                                       \
            offsetof(type, member) + sizeof(type::member) /* NOLINT(bugprone-sizeof-expression) */ \
    }

// How much of the structure the caller has: the fixed front and what the mask asks for.
template <std::size_t Count>
[[nodiscard]] constexpr std::size_t known_size(std::size_t front, std::uint32_t mask,
                                               const Member (&members)[Count]) noexcept {
    std::size_t size = front;
    for (const Member &member : members)
        if ((mask & member.bit) != 0) size = std::max(size, member.end);
    return size;
}

// Every bit that stands for a member.
template <std::size_t Count>
[[nodiscard]] constexpr std::uint32_t known_bits(const Member (&members)[Count]) noexcept {
    std::uint32_t bits = 0;
    for (const Member &member : members)
        bits |= member.bit;
    return bits;
}

// A whole structure from the front that the caller has; zeros behind it.
template <class T>
[[nodiscard]] T whole(const T &front, std::size_t size) noexcept {
    T copy{};
    std::memcpy(&copy, &front, size);
    return copy;
}

}  // namespace verbs::exp
