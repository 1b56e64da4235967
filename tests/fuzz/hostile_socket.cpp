// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets between honest and absurd, and descriptors of everything that a process can have.
#include "fuzz/hostile_socket.hpp"

#include "fuzz/hostile_channel.hpp"
#include "link/sealed_memory.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fuzz {

using namespace soft;
using verbs::UniqueFd;

namespace {

constexpr std::size_t kMostFds = 24;
const uint64_t canary = kCanary;

// Descriptors that are not what the victim expects.
struct Odd {
    std::vector<UniqueFd> fds;

    Odd() {
        fds.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
        fds.emplace_back(::open("/dev/zero", O_RDWR | O_CLOEXEC));
        fds.emplace_back(::open("/", O_PATH | O_CLOEXEC));
        fds.emplace_back(::epoll_create1(EPOLL_CLOEXEC));
        // Too small; right size and nothing in it; size not sealed; sealed against writing.
        fds.push_back(std::move(*make_sealed_memory("small", 4096)));
        fds.push_back(std::move(*make_sealed_memory("empty", kChannelBytes)));
        fds.push_back(std::move(*make_sealed_memory("empty", sizeof(Home))));
        UniqueFd growing(::memfd_create("growing", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        check(::ftruncate(growing.get(), kChannelBytes) == 0, "ftruncate");
        fds.push_back(std::move(growing));
        auto made = ChannelSegment::create(ChannelKind::rc, 1, 2, 3);
        const std::string path = "/proc/self/fd/" + std::to_string(made->second.get());
        fds.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        made->first = ChannelSegment();
        check(::fcntl(made->second.get(), F_ADD_SEALS, F_SEAL_WRITE) == 0, "F_SEAL_WRITE");
        fds.push_back(std::move(made->second));
        // A channel's size and magic, and then something else.
        for (const std::size_t wrong :
             {offsetof(ChannelHeader, version), offsetof(ChannelHeader, ring_bytes),
              offsetof(ChannelHeader, kind)}) {
            auto bad = ChannelSegment::create(ChannelKind::rc, 1, 2, 3);
            std::memset(reinterpret_cast<uint8_t *>(&bad->first.header()) + wrong, 0xee, 4);
            fds.push_back(std::move(bad->second));
        }
        for (const UniqueFd &fd : fds)
            check(fd.is_open(), "odd descriptors can be had");
    }
};

const std::vector<UniqueFd> &odd_fds() {
    static const Odd odd;
    return odd.fds;
}

Packet honest_hello() {
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::hello);
    packet.abilities = 0xff;
    packet.canary = canary;
    packet.canary_address = reinterpret_cast<uintptr_t>(&canary);
    return packet;
}

}  // namespace

void HostileSocket::send(const void *bytes, std::size_t size, const int *fds,
                         std::size_t count) noexcept {
    iovec part{const_cast<void *>(bytes), size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostFds)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (count != 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        std::memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    [[maybe_unused]] const ssize_t sent =
        ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void HostileSocket::prepare() {
    (void)odd_fds();
    (void)hostile_home_fd();
}

bool HostileSocket::greet() noexcept {
    return send_packet(socket_.get(), honest_hello(), hostile_home_fd().get()) == 0;
}

HostileSocket::Offered &HostileSocket::offered(Choices &choices, uint32_t victim_qpn,
                                               uint32_t own_qpn) {
    auto &slot = offered_[choices.below(4)];
    if (slot.has_value() && choices.below(4) != 0) return *slot;
    const uint32_t how = choices.byte();
    auto made = ChannelSegment::create(static_cast<ChannelKind>(how % 3 + 1), own_qpn,
                                       (how & 0x80) != 0 ? choices.raw<uint32_t>() : victim_qpn,
                                       how >> 4 & 7);
    check(made.has_value(), "a channel can be made");
    return slot.emplace(Offered{std::move(made->first), std::move(made->second), 0});
}

int HostileSocket::pick_fd(Choices &choices, uint32_t victim_qpn, uint32_t own_qpn) {
    const auto &odd = odd_fds();
    const uint32_t which = choices.byte();
    if (which < 192) return offered(choices, victim_qpn, own_qpn).fd.get();
    if (which < 208) return hostile_home_fd().get();
    if (which < 212) return socket_.get();
    return odd[which % odd.size()].get();
}

void HostileSocket::say(Choices &choices, uint32_t victim_qpn, uint32_t own_qpn) {
    const uint32_t how = choices.byte();
    Packet packet = honest_hello();
    packet.kind = (how & 1) != 0 ? choices.byte() : static_cast<uint8_t>(choices.below(12));
    packet.channel = (how & 2) != 0 ? choices.edge() : choices.below(4);
    packet.requester_qpn = own_qpn;
    packet.responder_qpn = victim_qpn;
    packet.status = choices.below(3) == 0 ? static_cast<int32_t>(choices.edge()) : 0;
    std::memcpy(packet.dgid, Victim::gid().raw, 16);
    if ((how & 4) != 0) packet.canary_address = choices.raw<uint64_t>();
    if ((how & 8) != 0) packet.canary ^= 1;
    if ((how & 16) != 0) choices.take(packet.dgid, 16);
    if ((how & 0xe0) == 0xe0) packet.magic = choices.raw<uint32_t>();
    if ((how & 0xe0) == 0xc0) packet.version = choices.raw<uint16_t>();
    int fds[kMostFds];
    std::size_t count = choices.below(4);
    if (count == 3) count = choices.below(kMostFds);
    for (std::size_t i = 0; i < count; ++i)
        fds[i] = pick_fd(choices, victim_qpn, own_qpn);
    send(&packet, sizeof packet, fds, count);
}

void HostileSocket::babble(Choices &choices) {
    uint8_t bytes[2 * sizeof(Packet)] = {};
    const Packet packet = honest_hello();
    std::memcpy(bytes, &packet, sizeof packet);
    const uint32_t size = choices.below(sizeof bytes);
    if (choices.flag()) choices.take(bytes, size);
    const int fds[] = {socket_.get(), hostile_home_fd().get()};
    send(bytes, size, fds, choices.below(3));
}

void HostileSocket::put_message(Choices &choices, Victim &victim) {
    auto &slot = offered_[choices.below(4)];
    if (!slot.has_value()) return;
    const uint32_t at = static_cast<uint32_t>(slot->position % kSlots);
    auto *message = reinterpret_cast<Message *>(slot->segment.ring() + at * kSlotBytes);
    const uint32_t how = choices.byte();
    message->kind = (how & 1) != 0 ? choices.byte() : 1;
    message->flags = (how & 2) != 0 ? choices.byte() : 0;
    message->payload = (how & 4) != 0 ? choices.edge() : 16;
    message->length = (how & 8) != 0 ? choices.edge() : 16;
    message->slots = (how & 16) != 0 ? static_cast<uint16_t>(choices.edge()) : 1;
    message->argument = (how & 32) != 0 ? choices.edge() : 0;
    const Region &region = victim.region(Victim::writable);
    const OneSided place{victim.region(Victim::writable).address(), region.key, 0};
    std::memcpy(static_cast<void *>(message + 1), &place, sizeof place);
    message->tag.store(slot->segment.nonce() + slot->position, std::memory_order_release);
    slot->position += message->slots;
    if ((how & 64) != 0) return;
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::kick);
    packet.channel = choices.below(4);
    send(&packet, sizeof packet, nullptr, 0);
}

void HostileSocket::listen(Choices &choices) {
    for (int i = 0; i < 64; ++i) {
        auto received = receive_packet(socket_.get());
        if (!received) break;
        if (received->packet.kind != static_cast<uint8_t>(PacketKind::open)) continue;
        if (auto mapped = ChannelSegment::map(received->fd)) opened_ = std::move(*mapped);
    }
    if (!opened_.has_value()) return;
    ChannelHeader &header = opened_->header();
    switch (choices.below(5)) {
    case 0:
        header.responder_state.store(choices.below(4));
        break;
    case 1:
        header.freed.store(choices.edge());
        break;
    case 2:
        header.refused.store(choices.edge());
        break;
    case 3:
        header.responder_wants_kick.store(choices.below(2));
        break;
    default:
        header.responder_access.store(choices.byte());
        break;
    }
}

}  // namespace fuzz
