// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two ends of a channel: TxEnd writes messages into the ring, RxEnd takes them out. Hot code:
// no call here allocates, locks or enters the kernel.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "link/layout.hpp"

#include <cstring>
#include <memory>
#include <utility>

namespace soft {

class Link;

// A channel's shared memory. The requester creates it, the responder maps what it was handed.
class ChannelSegment {
public:
    // Creates, sizes, seals and maps a segment; `fd` is what goes to the other process.
    static verbs::Result<std::pair<ChannelSegment, verbs::UniqueFd>>
    create(ChannelKind kind, uint32_t requester_qpn, uint32_t responder_qpn, uint32_t rnr_retry);
    // Maps a segment that came from another process, after judging its seals, size and header.
    static verbs::Result<ChannelSegment> map(const verbs::UniqueFd &fd);

    [[nodiscard]] ChannelHeader &header() const noexcept {
        return *static_cast<ChannelHeader *>(memory_.data());
    }
    [[nodiscard]] uint8_t *ring() const noexcept {
        return static_cast<uint8_t *>(memory_.data()) + 4096;
    }
    [[nodiscard]] uint8_t *reply() const noexcept { return ring() + kRingBytes; }
    // Copies of the constant part, taken when the segment was judged.
    [[nodiscard]] uint64_t nonce() const noexcept { return nonce_; }
    [[nodiscard]] ChannelKind kind() const noexcept { return kind_; }
    [[nodiscard]] uint32_t requester_qpn() const noexcept { return requester_qpn_; }
    [[nodiscard]] uint32_t responder_qpn() const noexcept { return responder_qpn_; }
    [[nodiscard]] uint32_t rnr_retry() const noexcept { return rnr_retry_; }

private:
    void remember() noexcept;

    verbs::Mapping memory_;
    uint64_t nonce_ = 0;
    ChannelKind kind_ = ChannelKind::rc;
    uint32_t requester_qpn_ = 0;
    uint32_t responder_qpn_ = 0;
    uint32_t rnr_retry_ = 0;
};

// The requester's end. All calls under the send queue's lock.
class TxEnd {
public:
    TxEnd(ChannelSegment segment, std::shared_ptr<Link> link, uint32_t id) noexcept
        : segment_(std::move(segment)), link_(std::move(link)), id_(id) {}

    // Room for a message with `payload` bytes: its place, or nullptr when the ring is full.
    [[nodiscard]] Message *reserve(std::size_t payload) noexcept {
        const uint32_t slots = slots_for(payload);
        const uint32_t to_end = kSlots - static_cast<uint32_t>(position_ & (kSlots - 1));
        const uint32_t needed = slots <= to_end ? slots : to_end + slots;
        if (position_ + needed - freed_ > kSlots) {
            // acquire pairs with RxEnd::release: the slots' readers are done with them.
            const uint64_t freed = header().freed.load(std::memory_order_acquire);
            // The peer may write anything here: only a step forward within our own is believed.
            if (freed > position_ || freed < freed_) return nullptr;
            freed_ = freed;
            if (position_ + needed - freed_ > kSlots) return nullptr;
        }
        if (slots > to_end) skip_to_start(to_end);
        Message *message = at(position_);
        message->slots = static_cast<uint16_t>(slots);
        return message;
    }

    // Hands the reserved message over; gives the position that `freed` reaches when it is done.
    uint64_t publish(Message *message) noexcept {
        const uint64_t tag = segment_.nonce() + position_;
        position_ += message->slots;
        message->tag.store(tag, std::memory_order_release);
        return position_;
    }

    [[nodiscard]] uint64_t position() const noexcept { return position_; }
    [[nodiscard]] ChannelHeader &header() const noexcept { return segment_.header(); }
    [[nodiscard]] const uint8_t *reply() const noexcept { return segment_.reply(); }
    [[nodiscard]] Link &link() const noexcept { return *link_; }
    [[nodiscard]] uint32_t id() const noexcept { return id_; }
    [[nodiscard]] uint32_t responder_qpn() const noexcept { return segment_.responder_qpn(); }
    [[nodiscard]] bool is_attached() const noexcept {
        return header().responder_state.load(std::memory_order_acquire) ==
               static_cast<uint32_t>(ResponderState::attached);
    }
    [[nodiscard]] bool is_closed() const noexcept {
        return header().responder_state.load(std::memory_order_acquire) ==
               static_cast<uint32_t>(ResponderState::closed);
    }

private:
    [[nodiscard]] Message *at(uint64_t position) const noexcept {
        return reinterpret_cast<Message *>(segment_.ring() +
                                           (position & (kSlots - 1)) * kSlotBytes);
    }
    void skip_to_start(uint32_t slots) noexcept {
        Message *pad = at(position_);
        pad->kind = static_cast<uint8_t>(MessageKind::pad);
        pad->flags = 0;
        pad->payload = 0;
        pad->slots = static_cast<uint16_t>(slots);
        publish(pad);
    }

    ChannelSegment segment_;
    std::shared_ptr<Link> link_;
    uint32_t id_;
    uint64_t position_ = 0;
    uint64_t freed_ = 0;
};

// A message as the responder judged it: a private copy of the header, and its payload in the ring.
struct Arrival {
    MessageKind kind;
    uint8_t flags;
    uint32_t slots;
    uint32_t payload;
    uint32_t length;
    uint32_t imm_be;
    uint32_t qkey;
    uint32_t argument;
    const uint8_t *data;
};

enum class Arrived { nothing, message, garbage };

// The responder's end. All calls under the receive queue's lock.
class RxEnd {
public:
    RxEnd(ChannelSegment segment, std::shared_ptr<Link> link, uint32_t id) noexcept
        : segment_(std::move(segment)), link_(std::move(link)), id_(id) {}

    [[nodiscard]] bool has_message() const noexcept {
        return !has_refused_ &&
               at(position_)->tag.load(std::memory_order_acquire) == segment_.nonce() + position_;
    }

    // The next message, judged. It stays where it is until release().
    [[nodiscard]] Arrived look(Arrival &arrival) noexcept {
        if (!has_message()) return Arrived::nothing;
        const volatile Message *message = at(position_);
        arrival.kind = static_cast<MessageKind>(message->kind);
        arrival.flags = message->flags;
        arrival.slots = message->slots;
        arrival.payload = message->payload;
        arrival.length = message->length;
        arrival.imm_be = message->imm_be;
        arrival.qkey = message->qkey;
        arrival.argument = message->argument;
        arrival.data = reinterpret_cast<const uint8_t *>(at(position_)) + sizeof(Message);
        const uint32_t to_end = kSlots - static_cast<uint32_t>(position_ & (kSlots - 1));
        if (arrival.slots == 0 || arrival.slots > to_end ||
            arrival.payload > arrival.slots * kSlotBytes - sizeof(Message))
            return Arrived::garbage;
        return Arrived::message;
    }

    // Gives the looked-at message's room back; that is also its acknowledgement.
    void release(const Arrival &arrival) noexcept {
        position_ += arrival.slots;
        header().freed.store(position_, std::memory_order_release);
    }

    // Ends the conversation: the message at the current position was refused, and neither it nor
    // what is behind it will be taken by a receive that comes later.
    void refuse(Refusal why) noexcept {
        has_refused_ = true;
        header().refused.store(position_ << 8 | static_cast<uint64_t>(why),
                               std::memory_order_release);
    }

    [[nodiscard]] uint64_t position() const noexcept { return position_; }
    [[nodiscard]] ChannelHeader &header() const noexcept { return segment_.header(); }
    [[nodiscard]] const ChannelSegment &segment() const noexcept { return segment_; }
    [[nodiscard]] Link &link() const noexcept { return *link_; }
    [[nodiscard]] uint32_t id() const noexcept { return id_; }

private:
    [[nodiscard]] Message *at(uint64_t position) const noexcept {
        return reinterpret_cast<Message *>(segment_.ring() +
                                           (position & (kSlots - 1)) * kSlotBytes);
    }

    ChannelSegment segment_;
    std::shared_ptr<Link> link_;
    uint32_t id_;
    uint64_t position_ = 0;
    bool has_refused_ = false;
};

}  // namespace soft
