// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A channel of which one end is the victim's and the other ours: its shared memory mapped a second
// time, a link over a socket pair, and writing whatever the input says into it.
#pragma once

#include "fuzz/choices.hpp"
#include "fuzz/victim.hpp"
#include "link/channel.hpp"
#include "link/link.hpp"

#include <memory>
#include <optional>

namespace fuzz {

class HostileChannel {
public:
    // `home` is the peer's table of regions; the link is up when this returns.
    HostileChannel(soft::Link::Role role, uint32_t kind, uint32_t requester_qpn,
                   uint32_t responder_qpn, uint32_t rnr_retry, const verbs::UniqueFd &home,
                   bool reaches_peer, bool peer_reaches_us);
    ~HostileChannel();
    HostileChannel(const HostileChannel &) = delete;
    HostileChannel &operator=(const HostileChannel &) = delete;

    [[nodiscard]] soft::ChannelHeader &header() const noexcept { return ours_.header(); }
    [[nodiscard]] uint8_t *start() const noexcept {
        return reinterpret_cast<uint8_t *>(&ours_.header());
    }
    // What the victim gets: its mapping, once.
    [[nodiscard]] soft::ChannelSegment take_segment() noexcept { return std::move(theirs_); }
    [[nodiscard]] const std::shared_ptr<soft::Link> &link() const noexcept { return link_; }

    // A message that is in parts what an honest peer would write, in parts not.
    void put_message(Choices &choices, Victim &victim);
    // Up to eight bytes anywhere in front of the reply area.
    void put_raw(Choices &choices);
    // A change for the middle of the victim's next look.
    void plan(Choices &choices);
    // Reads what the victim sent over the socket.
    void drain_socket() noexcept;

private:
    // A message in the making, as an honest peer would write it.
    struct Draft {
        uint8_t *to;
        uint32_t room;
        uint32_t size = 0;
        uint32_t length = 0;
        uint8_t kind = 0;
        uint8_t flags = 0;

        void put(const void *bytes, uint32_t count) noexcept {
            if (count > room - size) return;
            std::memcpy(to + size, bytes, count);
            size += count;
        }
        uint32_t fill(uint32_t count) noexcept {
            count = std::min(count, room - size);
            std::memset(to + size, 0x77, count);
            size += count;
            return count;
        }
    };
    static void put_place(Choices &choices, Victim &victim, Draft &draft);
    static void put_references(Choices &choices, Draft &draft);
    static void put_datagram(Choices &choices, Draft &draft);
    static bool distort(Choices &choices, soft::Message &message) noexcept;

    soft::ChannelSegment ours_;
    soft::ChannelSegment theirs_;
    std::shared_ptr<soft::Link> link_;
    verbs::UniqueFd socket_;
    uint64_t position_ = 0;  // where we write next
};

// One for all inputs, since it is large; nothing in it but what forget_regions() left.
soft::Home &hostile_home() noexcept;
const verbs::UniqueFd &hostile_home_fd() noexcept;
// A region in the hostile home: any, at an index that the input chooses. Gives its key.
uint32_t put_region(Choices &choices);
void forget_regions() noexcept;

inline constexpr uint64_t kCanary = 0x0123456789abcdef;

}  // namespace fuzz
