// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// QP numbers, unique on the host without a register: a process claims blocks of them, each by
// binding an abstract socket name. The name also is the address under which peers find the process.
// XRC receive queues have numbers out of the same blocks.
#pragma once

#include "core/fd.hpp"
#include "core/result.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace soft {

struct Qp;

inline constexpr uint32_t kBlockBits = 12;
inline constexpr uint32_t kBlocks = 1u << (24 - kBlockBits);

[[nodiscard]] constexpr uint32_t block_of(uint32_t qpn) noexcept {
    return qpn >> kBlockBits;
}

// Connects to the process that owns a block. ECONNREFUSED when nobody does.
verbs::Result<verbs::UniqueFd> connect_to_block(uint32_t block);

class QpNumbers {
public:
    // The next free number, for this QP. A new block's listening socket is given to `listening`.
    verbs::Result<uint32_t> claim(Qp &qp, const std::function<void(int)> &listening);
    // The same for something else that peers know by a number.
    verbs::Result<uint32_t> claim(const std::function<void(int)> &listening);
    void release(uint32_t number) noexcept;
    [[nodiscard]] Qp *find(uint32_t qpn) const noexcept;
    // A block that this process has claimed, once it has a QP; blocks are kept.
    [[nodiscard]] uint32_t first_block() const noexcept { return blocks_.front()->number; }
    [[nodiscard]] bool owns_block(uint32_t number) const noexcept {
        return std::any_of(blocks_.begin(), blocks_.end(),
                           [number](const auto &block) { return block->number == number; });
    }
    // Stops listening; the numbers stay known.
    void close_listeners() noexcept {
        for (auto &block : blocks_)
            block->listener.reset();
    }
    [[nodiscard]] bool is_listener(int fd) const noexcept;
    template <class Visit>
    void for_each(Visit &&visit) const {
        for (const auto &block : blocks_)
            for (Qp *qp : block->qps)
                if (qp != nullptr) visit(*qp);
    }

private:
    static constexpr uint32_t kPerBlock = 1u << kBlockBits;
    struct Block {
        uint32_t number;
        verbs::UniqueFd listener;
        uint32_t next = 0;
        std::bitset<kPerBlock> taken{};
        std::array<Qp *, kPerBlock> qps{};
    };
    verbs::Result<std::unique_ptr<Block>> claim_block();
    [[nodiscard]] Block *block_with(uint32_t number) const noexcept;
    [[nodiscard]] Block *block_with_room() noexcept;

    std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace soft
