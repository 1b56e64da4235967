// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The kernel copies from the requester's memory into ours. What the message says of that memory was
// written by another process and is checked here.
#include "datapath/pull.hpp"

#include "link/link.hpp"
#include "link/remote_memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace soft {

namespace {

using Remote = std::array<iovec, 2 * kMaxSge>;  // with room for pieces of a message's segments

// Leaves out of a list of the requester's memory what would come into parts of `memory` that have
// none, and those parts out of `local`. Gives how many bytes are left.
uint64_t leave_out_holes(MemoryList &memory, std::array<iovec, kMaxSge> &local, uint32_t &locals,
                         Remote &remote, uint32_t &remotes) noexcept {
    const Remote all = remote;
    uint64_t left = 0;
    iovec piece = all[0];
    uint32_t next = 1;
    locals = 0;
    remotes = 0;
    for (uint32_t i = 0; i < memory.count(); ++i) {
        const iovec &part = memory.parts()[i];
        const bool is_hole = part.iov_base == nullptr;
        if (!is_hole) {
            local[locals++] = part;
            left += part.iov_len;
        }
        // Both lists are of the same length in bytes. Each step ends a part or a piece.
        for (std::size_t wanted = part.iov_len; wanted > 0;) {
            while (piece.iov_len == 0)
                piece = all[next++];
            const std::size_t step = std::min(wanted, piece.iov_len);
            if (!is_hole) remote[remotes++] = {piece.iov_base, step};
            piece.iov_base = static_cast<uint8_t *>(piece.iov_base) + step;
            piece.iov_len -= step;
            wanted -= step;
        }
    }
    return left;
}

// Where the bytes from `from` to `to` of a message are. False: the message contradicts itself.
bool find_range(const Arrival &arrival, uint64_t from, uint64_t to, Remote &remote,
                uint32_t &remotes) noexcept {
    const uint32_t count = arrival.payload / sizeof(RemoteSegment);
    if (count == 0 || count > kMaxSge) return false;
    uint64_t total = 0;
    remotes = 0;
    for (uint32_t i = 0; i < count; ++i) {
        RemoteSegment segment;
        std::memcpy(&segment, arrival.data + i * sizeof segment, sizeof segment);
        if (segment.length > arrival.length) return false;
        const uint64_t first = std::max(from, total);
        const uint64_t behind = std::min(to, total + segment.length);
        if (first < behind)
            remote[remotes++] = {reinterpret_cast<void *>(segment.address + (first - total)),
                                 static_cast<std::size_t>(behind - first)};
        total += segment.length;
    }
    return total == arrival.length && remotes > 0;
}

}  // namespace

int pull(RxEnd &end, const Arrival &arrival, MemoryList &memory, uint32_t skipped) noexcept {
    Remote remote;
    uint32_t count = 0;
    if (!find_range(arrival, skipped, arrival.length, remote, count)) return EPROTO;
    if (!end.link().reaches_peer()) return EPERM;
    if (memory.has_holes()) [[unlikely]] {
        std::array<iovec, kMaxSge> local;
        uint32_t locals = 0;
        const uint64_t left = leave_out_holes(memory, local, locals, remote, count);
        return copy_across(end.link().pid(), Direction::from_peer, local.data(), locals,
                           remote.data(), count, left);
    }
    return copy_across(end.link().pid(), Direction::from_peer, memory.parts(), memory.count(),
                       remote.data(), count, arrival.length - skipped);
}

int pull_front(RxEnd &end, const Arrival &arrival, void *to, uint32_t length) noexcept {
    Remote remote;
    uint32_t count = 0;
    if (!find_range(arrival, 0, length, remote, count)) return EPROTO;
    if (!end.link().reaches_peer()) return EPERM;
    iovec local{to, length};
    return copy_across(end.link().pid(), Direction::from_peer, &local, 1, remote.data(), count,
                       length);
}

}  // namespace soft
