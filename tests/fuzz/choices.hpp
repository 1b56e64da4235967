// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Choices: a fuzzer's input, read as a sequence of decisions. What comes after its end is zero, so
// that every input means something and a shorter one means less.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fuzz {

class Choices {
public:
    Choices(const uint8_t *data, std::size_t size) noexcept : at_(data), left_(size) {}

    [[nodiscard]] bool is_over() const noexcept { return left_ == 0; }
    template <class T>
    T raw() noexcept {
        T value{};
        take(&value, sizeof value);
        return value;
    }
    uint8_t byte() noexcept { return raw<uint8_t>(); }
    bool flag() noexcept { return (byte() & 1) != 0; }
    // A number below `limit`, which is 65,536 at most.
    uint32_t below(uint32_t limit) noexcept {
        return (limit <= 256 ? byte() : raw<uint16_t>()) % limit;
    }
    // A number around which off-by-one errors live.
    uint32_t edge() noexcept {
        static constexpr uint32_t kEdges[] = {0,     1,     2,          8,          16,      40,
                                              63,    64,    256,        4096,       8192,    32768,
                                              65535, 65536, 0x7fffffff, 0x80000000, ~0u - 1, ~0u};
        const uint32_t base = kEdges[below(sizeof kEdges / sizeof kEdges[0])];
        return base + static_cast<uint32_t>(raw<int8_t>());
    }
    void take(void *to, std::size_t size) noexcept {
        const std::size_t real = std::min(size, left_);
        std::memset(to, 0, size);
        if (real == 0) return;
        std::memcpy(to, at_, real);
        at_ += real;
        left_ -= real;
    }

private:
    const uint8_t *at_;
    std::size_t left_;
};

}  // namespace fuzz
