// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Claiming blocks by abstract socket names, and handing numbers out of them.
#include "link/qp_numbers.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

namespace {

constexpr int kBacklog = 512;

socklen_t name_of_block(uint32_t block, sockaddr_un &address) {
    address = {};
    address.sun_family = AF_UNIX;
    // The leading zero byte makes the name abstract: no file, scoped to the network namespace,
    // and gone with its process.
    const int length = std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
                                     "verbs-soft/qp-block-%03x", block);
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                  static_cast<std::size_t>(length));
}

Result<UniqueFd> make_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.is_open()) {
        const int code = errno;
        return fail(code, std::string("socket for the local link: ") + std::strerror(code));
    }
    return fd;
}

}  // namespace

Result<UniqueFd> connect_to_block(uint32_t block) {
    VERBS_TRY(fd, make_socket());
    sockaddr_un address;
    const socklen_t length = name_of_block(block, address);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), length) != 0) {
        const int code = errno;
        return fail(code,
                    std::string("no process answers for this QP number: ") + std::strerror(code));
    }
    return fd;
}

Result<std::unique_ptr<QpNumbers::Block>> QpNumbers::claim_block() {
    VERBS_TRY(fd, make_socket());
    uint32_t first = 0;
    if (::getrandom(&first, sizeof first, 0) != sizeof first)
        return fail(errno, "getrandom failed");
    for (uint32_t tried = 0; tried < kBlocks; ++tried) {
        const uint32_t number = (first + tried) % kBlocks;
        if (number == 0) continue;  // QP 0 and 1 have meanings of their own
        sockaddr_un address;
        const socklen_t length = name_of_block(number, address);
        if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), length) != 0) {
            if (errno == EADDRINUSE) continue;
            const int code = errno;
            return fail(code, std::string("claiming QP numbers: ") + std::strerror(code));
        }
        if (::listen(fd.get(), kBacklog) != 0) {
            const int code = errno;
            return fail(code, std::string("listening for peers: ") + std::strerror(code));
        }
        auto block = std::make_unique<Block>();
        block->number = number;
        block->listener = std::move(fd);
        return block;
    }
    return fail(ENOMEM, "all QP numbers of this host are in use");
}

QpNumbers::Block *QpNumbers::block_with_room() noexcept {
    for (auto &block : blocks_)
        if (!block->taken.all()) return block.get();
    return nullptr;
}

QpNumbers::Block *QpNumbers::block_with(uint32_t number) const noexcept {
    for (const auto &block : blocks_)
        if (block->number == block_of(number)) return block.get();
    return nullptr;
}

Result<uint32_t> QpNumbers::claim(const std::function<void(int)> &listening) {
    Block *block = block_with_room();
    if (block == nullptr) {
        VERBS_TRY(claimed, claim_block());
        listening(claimed->listener.get());
        block = claimed.get();
        blocks_.push_back(std::move(claimed));
    }
    // Numbers are used in turn, so that a number does not come back soon after its owner went.
    while (block->taken[block->next])
        block->next = (block->next + 1) % kPerBlock;
    const uint32_t at = block->next;
    block->next = (block->next + 1) % kPerBlock;
    block->taken[at] = true;
    return block->number << kBlockBits | at;
}

Result<uint32_t> QpNumbers::claim(Qp &qp, const std::function<void(int)> &listening) {
    VERBS_TRY(number, claim(listening));
    block_with(number)->qps[number % kPerBlock] = &qp;
    return number;
}

void QpNumbers::release(uint32_t number) noexcept {
    Block *block = block_with(number);
    if (block == nullptr) return;
    block->qps[number % kPerBlock] = nullptr;
    block->taken[number % kPerBlock] = false;
}

Qp *QpNumbers::find(uint32_t qpn) const noexcept {
    const Block *block = block_with(qpn);
    return block != nullptr ? block->qps[qpn % kPerBlock] : nullptr;
}

bool QpNumbers::is_listener(int fd) const noexcept {
    for (const auto &block : blocks_)
        if (block->listener.get() == fd) return true;
    return false;
}

}  // namespace soft
