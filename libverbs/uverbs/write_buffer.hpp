// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// WriteBuffer: a WriteCommand as write() wants it: headers, request and the driver's bytes in one
// piece; and the answer, which comes in one piece too. On the stack, of a size that all known
// commands fit into.
#pragma once

#include "uverbs/write_command.hpp"

namespace verbs::uverbs {

static_assert(sizeof(ib_uverbs_cmd_hdr) == 8);
static_assert(sizeof(ib_uverbs_ex_cmd_hdr) == 16);

class WriteBuffer {
public:
    static constexpr std::size_t kRoom = 1024;

    // False: too long.
    [[nodiscard]] bool compose(const WriteCommand &command) noexcept;
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {bytes_, size_}; }
    // After the kernel has answered.
    void deliver(const WriteCommand &command) const noexcept;

private:
    [[nodiscard]] bool lay_out_answer(const WriteCommand &command, std::size_t unit) noexcept;
    void append(const void *bytes, std::size_t size) noexcept;
    void pad(std::size_t unit) noexcept;

    // Neither is set to zero as a whole: what is sent is written first.
    alignas(8) std::byte bytes_[kRoom];
    alignas(8) std::byte answer_[kRoom];
    std::size_t size_ = 0;
    std::size_t answer_size_ = 0;     // bytes that the kernel may write
    std::byte *answer_at_ = nullptr;  // in answer_, or the command's own response
};

}  // namespace verbs::uverbs
