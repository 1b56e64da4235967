// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Messages between honest and absurd.
#include "fuzz/hostile_channel.hpp"

#include "fuzz/hostile_reads.hpp"
#include "fuzz/peer_memory.hpp"
#include "link/sealed_memory.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace fuzz {

using namespace soft;
using verbs::UniqueFd;

namespace {

constexpr std::size_t kHeaderBytes = 4096;

struct HostileHome {
    UniqueFd fd;
    verbs::Mapping memory;
    std::vector<uint32_t> used;

    HostileHome() {
        fd = std::move(*make_sealed_memory("hostile-home", sizeof(Home)));
        memory = std::move(*verbs::Mapping::shared(fd.get(), sizeof(Home), PROT_READ | PROT_WRITE));
        auto &home = *static_cast<Home *>(memory.data());
        home.magic = kHomeMagic;
        home.version = kLayoutVersion;
        home.mr_capacity = kMrCapacity;
    }
};

HostileHome &the_home() {
    static HostileHome home;
    return home;
}

}  // namespace

Home &hostile_home() noexcept {
    return *static_cast<Home *>(the_home().memory.data());
}

const UniqueFd &hostile_home_fd() noexcept {
    return the_home().fd;
}

uint32_t put_region(Choices &choices) {
    static constexpr uint32_t kIndexes[] = {0, 1, 2, 3, 255, kMrCapacity / 2, kMrCapacity - 1};
    const uint32_t index = kIndexes[choices.below(7)];
    SharedMr &mr = hostile_home().mrs[index];
    the_home().used.push_back(index);
    const uint32_t key = index << 8 | (choices.below(3) + 1);
    const uint32_t how = choices.byte();
    mr.access.store((how & 1) != 0 ? choices.raw<uint32_t>() : 0xff);
    mr.pd.store((how & 2) != 0 ? choices.raw<uint32_t>() : 1);
    mr.iova.store((how & 4) != 0 ? choices.raw<uint64_t>() : PeerMemory::kStart);
    mr.address.store((how & 8) != 0 ? choices.raw<uint64_t>() : PeerMemory::kStart);
    mr.length.store((how & 16) != 0 ? choices.raw<uint64_t>() : PeerMemory::kSize);
    mr.file.store((how & 64) != 0 ? choices.below(4) : 0);
    mr.file_offset.store((how & 128) != 0 ? choices.edge() : 0);
    mr.key.store((how & 32) != 0 ? choices.raw<uint32_t>() : key);
    return key;
}

void forget_regions() noexcept {
    for (const uint32_t index : the_home().used)
        std::memset(static_cast<void *>(&hostile_home().mrs[index]), 0, sizeof(SharedMr));
    the_home().used.clear();
}

HostileChannel::HostileChannel(Link::Role role, uint32_t kind, uint32_t requester_qpn,
                               uint32_t responder_qpn, uint32_t rnr_retry, const UniqueFd &home,
                               bool reaches_peer, bool peer_reaches_us) {
    auto made = ChannelSegment::create(static_cast<ChannelKind>(kind), requester_qpn, responder_qpn,
                                       rnr_retry);
    check(made.has_value(), "a channel can be made");
    ours_ = std::move(made->first);
    auto mapped = ChannelSegment::map(made->second);
    check(mapped.has_value(), "a channel can be mapped");
    theirs_ = std::move(*mapped);
    watch_window(&theirs_.header(), start(), kChannelBytes);

    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0,
          "socketpair");
    socket_ = UniqueFd(ends[1]);
    link_ = std::make_shared<Link>(UniqueFd(ends[0]), role, ::getpid());
    Packet hello;
    hello.kind = static_cast<uint8_t>(PacketKind::hello);
    hello.canary_address = PeerMemory::kStart;
    hello.canary = reaches_peer ? kCanary : kCanary + 1;
    // Bits that no version knows yet are set, too.
    hello.abilities = peer_reaches_us ? 0xff : 0xff & ~kCanCopy;
    check(link_->greet(hello, home).has_value(), "an honest hello is taken");
}

HostileChannel::~HostileChannel() {
    forget_window(start());
}

void HostileChannel::drain_socket() noexcept {
    while (receive_packet(socket_.get())) {
    }
    link_->flush();
}

void HostileChannel::put_place(Choices &choices, Victim &victim, Draft &draft) {
    Region &region = victim.region(choices.below(Victim::kPlaces));
    const uint32_t how = choices.byte();
    OneSided place{region.address(), region.key, choices.below(64)};
    if ((how & 0x03) == 1) place.address += choices.below(4096);
    if ((how & 0x03) == 2) place.address -= choices.below(4096);
    if ((how & 0x0c) == 4) place.length = choices.below(4096);
    if ((how & 0x0c) == 8) place.length = choices.edge();
    if ((how & 0x30) == 0x10) place.rkey = choices.raw<uint32_t>();
    if ((how & 0x30) == 0x20) place.address = choices.raw<uint64_t>();
    // From the first kind of this sort on: atomics and flushes carry their kind and operands in
    // this shape.
    draft.kind = static_cast<uint8_t>(static_cast<uint32_t>(MessageKind::write) + choices.below(6));
    draft.length = place.length;
    draft.put(&place, sizeof place);
    if ((how & 0x40) != 0) {
        uint8_t operands[16];
        choices.take(operands, sizeof operands);
        const bool is_flush = draft.kind == static_cast<uint8_t>(MessageKind::flush);
        draft.put(operands, is_flush ? sizeof(FlushRequest) - sizeof place : sizeof operands);
    }
    if ((how & 0x80) != 0 || draft.kind == static_cast<uint8_t>(MessageKind::write))
        draft.fill(place.length);
}

void HostileChannel::put_references(Choices &choices, Draft &draft) {
    const uint32_t count = choices.below(4) != 0 ? choices.below(4) : choices.below(35);
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t how = choices.byte();
        RemoteSegment segment{PeerMemory::kStart + uint64_t{i} * 512, how >> 3};
        if ((how & 7) == 1) segment.address = choices.raw<uint64_t>();
        if ((how & 7) == 2) segment.length = choices.raw<uint64_t>();
        if ((how & 7) == 3) segment.length = choices.below(4096);
        draft.put(&segment, sizeof segment);
        draft.length += static_cast<uint32_t>(segment.length);
    }
    draft.flags |= kFlagByReference;
}

void HostileChannel::put_datagram(Choices &choices, Draft &draft) {
    DatagramPrefix prefix{};
    std::memcpy(prefix.dgid, Victim::gid().raw, 16);
    std::memcpy(prefix.sgid, Victim::gid().raw, 16);
    const uint32_t how = choices.byte();
    if ((how & 3) == 1) choices.take(prefix.dgid, 16);
    if ((how & 4) != 0) choices.take(&prefix.traffic_class, 8);
    draft.put(&prefix, sizeof prefix);
    draft.length = draft.fill(choices.raw<uint16_t>() % 8400);
}

void HostileChannel::put_message(Choices &choices, Victim &victim) {
    const uint32_t at = static_cast<uint32_t>(position_ % kSlots);
    auto *message = reinterpret_cast<Message *>(start() + kHeaderBytes + at * kSlotBytes);
    const uint32_t to_end = kSlots - at;
    Draft draft{reinterpret_cast<uint8_t *>(message + 1),
                to_end * kSlotBytes - static_cast<uint32_t>(sizeof(Message))};
    draft.kind = static_cast<uint8_t>(MessageKind::send);
    draft.flags = choices.byte() & ~kFlagByReference;
    switch (choices.below(6)) {
    case 0:
        draft.length = draft.fill(choices.raw<uint16_t>() % 8400);
        break;
    case 1:
        put_place(choices, victim, draft);
        break;
    case 2:
        put_references(choices, draft);
        break;
    case 3:
        put_datagram(choices, draft);
        break;
    case 4:
        draft.kind = static_cast<uint8_t>(MessageKind::write_imm);
        draft.length = choices.raw<uint16_t>();
        break;
    default: {
        uint8_t bytes[48];
        const uint32_t size = choices.below(sizeof bytes);
        choices.take(bytes, size);
        draft.put(bytes, size);
        draft.kind = choices.byte();
        draft.length = size;
        break;
    }
    }
    message->kind = draft.kind;
    message->flags = draft.flags;
    message->payload = draft.size;
    message->length = draft.length;
    message->slots = static_cast<uint16_t>(slots_for(draft.size));
    message->imm_be = 0;
    message->qkey_or_ack = Victim::kQkey;
    message->argument = 0;
    const bool is_tagged = distort(choices, *message);
    message->tag.store(header().nonce + position_ + (is_tagged ? 0 : choices.byte()),
                       std::memory_order_release);
    if (is_tagged) position_ += message->slots;
}

// Makes some fields other than an honest peer's; each bit is a field. False: the tag, too.
bool HostileChannel::distort(Choices &choices, Message &message) noexcept {
    const uint16_t how = choices.flag() ? choices.raw<uint16_t>() : 0;
    if ((how & 0x001) != 0) message.length = choices.edge();
    if ((how & 0x002) != 0) message.length = choices.raw<uint16_t>();
    if ((how & 0x004) != 0) message.payload = choices.edge();
    if ((how & 0x008) != 0) message.payload = choices.below(64);
    if ((how & 0x010) != 0) message.slots = static_cast<uint16_t>(choices.edge());
    if ((how & 0x020) != 0) message.argument = choices.edge();
    if ((how & 0x040) != 0) message.argument = choices.raw<uint16_t>();
    if ((how & 0x080) != 0)
        message.qkey_or_ack = choices.flag() ? choices.edge() : choices.raw<uint32_t>();
    if ((how & 0x100) != 0) message.kind = choices.byte();
    if ((how & 0x200) != 0) message.flags = choices.byte();
    return (how & 0xfc00) != 0xfc00;
}

void HostileChannel::put_raw(Choices &choices) {
    // The responder's header words, the head of the ring, or anywhere.
    static constexpr uint32_t kAreas[] = {sizeof(ChannelHeader), kHeaderBytes + 256,
                                          kHeaderBytes + kRingBytes};
    const uint32_t area = kAreas[choices.below(3)];
    const uint32_t offset = choices.raw<uint16_t>() % (area - 8);
    const uint64_t value = choices.flag() ? choices.raw<uint64_t>() : choices.edge();
    std::memcpy(start() + offset, &value, choices.below(8) + 1);
}

void HostileChannel::plan(Choices &choices) {
    Change change{};
    change.turn = choices.below(24);
    change.over_last_read = choices.flag();
    const uint32_t slot = static_cast<uint32_t>(position_ % kSlots);
    switch (choices.below(3)) {
    case 0:
        change.offset = choices.below(sizeof(ChannelHeader));
        break;
    case 1:  // the message that comes next, or the one before
        change.offset = kHeaderBytes + slot * kSlotBytes + choices.below(64);
        break;
    default:
        change.offset = kHeaderBytes + choices.raw<uint16_t>() % (kRingBytes - 8);
        break;
    }
    change.width = choices.below(8) + 1;
    change.value = choices.flag() ? choices.raw<uint64_t>() : choices.edge();
    plan_change(change);
}

}  // namespace fuzz
