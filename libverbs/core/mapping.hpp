// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Mapping: a range of mapped memory with one owner, unmapped when the owner goes.
#pragma once

#include "core/result.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstring>

namespace verbs {

class Mapping {
public:
    Mapping() = default;
    Mapping(Mapping &&other) noexcept
        : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping &operator=(Mapping &&other) noexcept {
        if (this != &other) {
            reset();
            start_ = std::exchange(other.start_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;
    ~Mapping() { reset(); }

    // Maps `size` bytes of `fd` from `offset` on, shared. `protection` as in mmap(2).
    [[nodiscard]] static Result<Mapping> shared(int fd, std::size_t size, int protection,
                                                off_t offset = 0) {
        void *start = ::mmap(nullptr, size, protection, MAP_SHARED, fd, offset);
        if (start == MAP_FAILED) return refused(size, errno);
        Mapping mapping;
        mapping.start_ = start;
        mapping.size_ = size;
        return mapping;
    }

    [[nodiscard]] void *data() const noexcept { return start_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void reset() noexcept {
        if (start_ != nullptr) ::munmap(start_, size_);
        start_ = nullptr;
        size_ = 0;
    }

private:
    // Out of line, as every failure (core/result.hpp).
    [[nodiscard, gnu::cold, gnu::noinline]] static Failure refused(std::size_t size, int code) {
        return fail(code, std::string("mmap of ") + std::to_string(size) +
                              " shared bytes: " + std::strerror(code));
    }

    void *start_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace verbs
