// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets and their descriptors on a SOCK_SEQPACKET socket.
#include "link/packet.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace soft {

using verbs::fail;
using verbs::Result;
using verbs::UniqueFd;

int send_packet(int socket, const Packet &packet, int fd) noexcept {
    iovec part{const_cast<Packet *>(&packet), sizeof packet};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    const int saved = errno;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    const int code = sent == static_cast<ssize_t>(sizeof packet) ? 0 : errno;
    errno = saved;
    return code;
}

namespace {

// Takes the first descriptor out of a message and closes any others: a hostile peer may send many.
UniqueFd take_fd(msghdr &message) {
    UniqueFd taken;
    for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            UniqueFd owned(fd);
            if (!taken.is_open()) taken = std::move(owned);
        }
    }
    return taken;
}

}  // namespace

Result<Received> receive_packet(int socket) {
    Received received;
    iovec part{&received.packet, sizeof received.packet};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 4)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        const int code = errno == EWOULDBLOCK ? EAGAIN : errno;
        // The usual end of a wake-up's reading, which nobody describes: no phrase to allocate.
        return fail(code, code == EAGAIN ? "" : std::strerror(code));
    }
    received.fd = take_fd(message);
    if (size == 0) return fail(ECONNRESET, "the peer closed its socket");
    if (size != static_cast<ssize_t>(sizeof(Packet)) || (message.msg_flags & MSG_TRUNC) != 0 ||
        received.packet.magic != kPacketMagic || received.packet.version != kPacketVersion)
        return fail(EPROTO, "a packet that is not of this protocol");
    return received;
}

}  // namespace soft
