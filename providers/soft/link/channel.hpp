// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The two ends of a channel: TxEnd writes messages into the ring, RxEnd takes them out. Hot code:
// no call here allocates, locks or enters the kernel.
#pragma once

#include "core/fd.hpp"
#include "core/mapping.hpp"
#include "datapath/fence.hpp"
#include "link/copy_watch.hpp"
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
            look_at_freed();
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
        tell_release_to_other_end();
        message->tag.store(tag, std::memory_order_release);
        return position_;
    }

    // Up to where the responder has freed the ring, as far as is known here.
    [[nodiscard]] uint64_t freed() const noexcept { return freed_; }
    // Looks at what the responder says. It may write anything: only a step forward within what we
    // have published is believed.
    void look_at_freed() noexcept {
        // acquire pairs with RxEnd::acknowledge: the slots' reader is done with them.
        const uint64_t freed = header().freed.load(std::memory_order_acquire);
        tell_acquire_of_other_end();
        if (freed > freed_ && freed <= position_) freed_ = freed;
    }
    // The same from an acknowledgement that came with a message (RxEnd::acknowledgement), modulo
    // 2^32; an old one says less. Each is looked at once: with nothing but one-way traffic for 2^32
    // slots, one that stayed would look like a new one. One of a channel that was here before is
    // off by the difference of two nonces, so that it hardly ever falls among what is under way.
    void learn(uint32_t acknowledgement) noexcept {
        if (acknowledgement == learned_) return;
        learned_ = acknowledgement;
        const uint64_t freed = freed_ + (acknowledgement - short_tag(freed_));
        if (freed <= position_) freed_ = freed;
    }
    // Whether an acknowledgement says that the ring is free up to `end`. A guess that costs a look
    // when it is wrong.
    [[nodiscard]] bool may_free(uint32_t acknowledgement, uint64_t end) const noexcept {
        return acknowledgement - short_tag(end) <= kSlots;
    }

    // Before the memory of messages that may not have been taken goes back to the program.
    void withdraw() const noexcept {
        header().requester_withdrew.store(1, std::memory_order_relaxed);
        // Pairs with has_withdrawn(): who copied what the program writes from now on sees the flag.
        publish_before_look();
    }

    // See ChannelHeader::requester_skips_fences.
    void skip_fences(bool wanted) noexcept {
        look_fence_.skip(wanted, header().requester_skips_fences);
    }
    void fence_before_look() const noexcept { look_fence_(); }

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
    [[nodiscard]] uint32_t short_tag(uint64_t position) const noexcept {
        return static_cast<uint32_t>(segment_.nonce() + position);
    }
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
    uint32_t learned_ = 0;  // the acknowledgement that was looked at last
    LookFence look_fence_;
};

// A message as the responder judged it: a private copy of the header, and its payload in the ring.
struct Arrival {
    MessageKind kind;
    uint8_t flags;
    uint32_t slots;
    uint32_t payload;
    uint32_t length;
    uint32_t imm_be;
    uint32_t qkey_or_ack;
    uint32_t argument;
    const uint8_t *data;
};

enum class Arrived { nothing, message, garbage };

// The responder's end. All calls under the receive queue's lock.
class RxEnd {
public:
    RxEnd(ChannelSegment segment, std::shared_ptr<Link> link, uint32_t id) noexcept
        : segment_(std::move(segment)), link_(std::move(link)), id_(id) {}
    RxEnd(const RxEnd &) = delete;
    RxEnd &operator=(const RxEnd &) = delete;

    // From now on whoever takes a region away sees what the peer copies. Before the peer may copy.
    void sit_down(CopyWatch &watch) { seat_ = std::make_unique<CopyWatch::Seat>(watch, *this); }

    // Around what is done with a region on the requester's behalf, the looking up of its key
    // included: as ChannelHeader::accessing_rkey, for the copies that are made at this end.
    void begin_serving(uint32_t rkey) noexcept {
        serving_rkey_.store(rkey, std::memory_order_seq_cst);
        publish_before_look();
    }
    void end_serving() noexcept { serving_rkey_.store(0, std::memory_order_release); }
    [[nodiscard]] uint32_t serving_rkey() const noexcept {
        return serving_rkey_.load(std::memory_order_seq_cst);
    }

    // Returns when the peer does not copy and will not begin to; it has been turned away already.
    void await_copy() const noexcept;

    // Needs the receive queue's lock, or the progress lock of the CQ that its completions go to: as
    // long as one of the two is held, the channel stays.
    [[nodiscard]] bool has_message() const noexcept {
        if (has_refused_.load(std::memory_order_relaxed)) return false;
        const uint64_t here = position();
        const bool is_there =
            at(here)->tag.load(std::memory_order_acquire) == segment_.nonce() + here;
        tell_acquire_of_other_end();
        return is_there;
    }

    // The next message, judged. It stays where it is until step_over().
    [[nodiscard]] Arrived look(Arrival &arrival) noexcept {
        if (!has_message()) return Arrived::nothing;
        const uint64_t here = position();
        const volatile Message *message = at(here);
        arrival.kind = static_cast<MessageKind>(message->kind);
        arrival.flags = message->flags;
        arrival.slots = message->slots;
        arrival.payload = message->payload;
        arrival.length = message->length;
        arrival.imm_be = message->imm_be;
        arrival.qkey_or_ack = message->qkey_or_ack;
        arrival.argument = message->argument;
        arrival.data = reinterpret_cast<const uint8_t *>(at(here)) + sizeof(Message);
        const uint32_t to_end = kSlots - static_cast<uint32_t>(here & (kSlots - 1));
        if (arrival.slots == 0 || arrival.slots > to_end ||
            arrival.payload > arrival.slots * kSlotBytes - sizeof(Message))
            return Arrived::garbage;
        return Arrived::message;
    }

    // Done with the looked-at message. Its room goes back, which is also its acknowledgement, with
    // that of others: at the latest with the caller's acknowledge().
    void step_over(const Arrival &arrival) noexcept {
        const uint64_t next = position() + arrival.slots;
        position_.store(next, std::memory_order_relaxed);
        if (next - acknowledged_ >= kSlots / 8) acknowledge();
    }
    void acknowledge() noexcept {
        acknowledged_ = position();
        tell_release_to_other_end();
        header().freed.store(acknowledged_, std::memory_order_release);
    }
    // What a message the other way says of this channel: the tag of the next message, in short.
    [[nodiscard]] uint32_t acknowledgement() const noexcept {
        return static_cast<uint32_t>(segment_.nonce() + position());
    }
    [[nodiscard]] bool owes_acknowledgement() const noexcept { return acknowledged_ != position(); }

    // Whether the requester's memory may hold something else than its messages by now.
    [[nodiscard]] bool has_withdrawn() const noexcept {
        read_fence();
        return header().requester_withdrew.load(std::memory_order_relaxed) != 0;
    }

    // See ChannelHeader::responder_skips_fences.
    void skip_fences(bool wanted) noexcept {
        look_fence_.skip(wanted, header().responder_skips_fences);
    }
    void fence_before_look() const noexcept { look_fence_(); }

    // Ends the conversation: the message at the current position was refused, and neither it nor
    // what is behind it will be taken by a receive that comes later.
    void refuse(Refusal why) noexcept {
        has_refused_.store(true, std::memory_order_relaxed);
        acknowledge();
        header().refused.store(position() << 8 | static_cast<uint64_t>(why),
                               std::memory_order_release);
    }

    [[nodiscard]] uint64_t position() const noexcept {
        return position_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] ChannelHeader &header() const noexcept { return segment_.header(); }
    [[nodiscard]] const ChannelSegment &segment() const noexcept { return segment_; }
    [[nodiscard]] Link &link() const noexcept { return *link_; }
    [[nodiscard]] uint32_t id() const noexcept { return id_; }

    // Of a queue pair with faults (faults/injector.hpp): messages that begin before this position
    // have met theirs, and the one that waits now is not to be taken before a time.
    struct Held {
        uint64_t judged_to = 0;
        int64_t until_ns = 0;  // 0: none waits
    } held;

private:
    [[nodiscard]] Message *at(uint64_t position) const noexcept {
        return reinterpret_cast<Message *>(segment_.ring() +
                                           (position & (kSlots - 1)) * kSlotBytes);
    }

    ChannelSegment segment_;
    std::shared_ptr<Link> link_;
    uint32_t id_;
    std::atomic<uint64_t> position_{0};      // written under the receive queue's lock
    std::atomic<bool> has_refused_{false};   // the same
    std::atomic<uint32_t> serving_rkey_{0};  // the same
    uint64_t acknowledged_ = 0;
    LookFence look_fence_;
    std::unique_ptr<CopyWatch::Seat> seat_;
};

}  // namespace soft
