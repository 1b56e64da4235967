// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Sending on a link without ever blocking, and what a hello brings.
#include "link/link.hpp"

#include "control/settings.hpp"
#include "link/remote_memory.hpp"
#include "link/sealed_memory.hpp"

#include <verbs/provider.hpp>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

Link::Link(UniqueFd socket, Role role, pid_t pid) noexcept
    : socket_(std::move(socket)), role_(role), pid_(pid) {
    // A link with ourselves ends when we end it.
    if (pid_ > 0 && pid_ != ::getpid())
        life_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

void Link::queue(const Packet &packet, int fd) {
    UniqueFd kept(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1);
    waiting_.push_back({packet, std::move(kept)});
    block();
}

void Link::block() noexcept {
    if (blocked_.exchange(true, std::memory_order_acq_rel) || wake_ < 0) return;
    const int saved = errno;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof one);
    errno = saved;
}

void Link::send(const Packet &packet, int fd) noexcept {
    try {
        const std::lock_guard hold(mutex_);
        if (!waiting_.empty()) return queue(packet, fd);
        const int code = send_packet(socket_.get(), packet, fd);
        if (code == EAGAIN || code == ETOOMANYREFS) queue(packet, fd);
        // Any other failure is the peer's end, which the progress thread sees as a hang-up.
    } catch (const std::bad_alloc &) {
        verbs::provider::Host::log(VERBS_HOST_LOG_ERROR, "out of memory, process %d was not told",
                                   static_cast<int>(pid_));
    }
}

void Link::kick(uint32_t channel) noexcept {
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::kick);
    packet.channel = channel;
    const std::lock_guard hold(mutex_);
    if (kick_all_waits_) return;
    if (waiting_.empty() && send_packet(socket_.get(), packet, -1) != EAGAIN) return;
    // The other side is behind with many packets: one wake-up for all channels will do, behind what
    // waits.
    kick_all_waits_ = true;
    block();
}

void Link::flush() {
    const std::lock_guard hold(mutex_);
    while (!waiting_.empty()) {
        const Waiting &next = waiting_.front();
        const int code = send_packet(socket_.get(), next.packet, next.fd.get());
        if (code == EAGAIN || code == ETOOMANYREFS) return;
        waiting_.pop_front();
    }
    if (kick_all_waits_) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::kick);
        packet.channel = 0;
        if (send_packet(socket_.get(), packet, -1) == EAGAIN) return;
        kick_all_waits_ = false;
    }
    blocked_.store(false, std::memory_order_release);
}

uint8_t *Link::find_shared(uint32_t file, uint64_t offset, uint64_t length) noexcept {
    if (uint8_t *found = files.find(file, offset, length); found != nullptr) return found;
    if (files.is_to_be_asked_for(file)) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::want_file);
        packet.channel = file;
        send(packet);
    }
    return nullptr;
}

Result<void> Link::greet(const Packet &hello, const UniqueFd &home) {
    if (is_up()) return fail(EPROTO, "a second hello on one link");
    if (!home.is_open()) return fail(EPROTO, "a hello without a home");
    VERBS_CHECK(judge_sealed_memory(home, sizeof(Home)));
    VERBS_TRY(memory, verbs::Mapping::shared(home.get(), sizeof(Home), PROT_READ));
    const auto *peer = static_cast<const Home *>(memory.data());
    if (peer->magic != kHomeMagic || peer->version != kLayoutVersion ||
        peer->mr_capacity != kMrCapacity)
        return fail(EPROTO, "the peer's home has another layout");
    home_ = std::move(memory);
    uint64_t seen = 0;
    iovec here{&seen, sizeof seen};
    iovec there{reinterpret_cast<void *>(hello.canary_address), sizeof seen};
    reaches_peer_ =
        copy_across(pid_, Direction::from_peer, &here, 1, &there, 1, sizeof seen) == 0 &&
        seen == hello.canary;
    if (settings().copy == Settings::Copy::ring) reaches_peer_ = false;
    peer_reaches_us_ = (hello.abilities & kCanCopy) != 0;
    peer_has_barrier_ = (hello.abilities & kHasBarrier) != 0;
    up_.store(true, std::memory_order_release);
    return {};
}

}  // namespace soft
