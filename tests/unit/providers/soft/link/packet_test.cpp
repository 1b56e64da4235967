// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Packets between processes, and what a hostile one may send instead.
#include "link/packet.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace {

using namespace soft;

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

class Packets : public testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        here = verbs::UniqueFd(ends[0]);
        there = verbs::UniqueFd(ends[1]);
    }
    verbs::UniqueFd here;
    verbs::UniqueFd there;
};

TEST_F(Packets, ArriveAsTheyWereSent) {
    Packet packet;
    packet.kind = static_cast<uint8_t>(PacketKind::open);
    packet.channel = 17;
    packet.status = -3;
    ASSERT_EQ(send_packet(here.get(), packet, -1), 0);
    const auto received = receive_packet(there.get());
    ASSERT_TRUE(received.has_value()) << received.error().phrase;
    EXPECT_EQ(received->packet.channel, 17u);
    EXPECT_EQ(received->packet.status, -3);
    EXPECT_FALSE(received->fd.is_open());
}

TEST_F(Packets, CarryADescriptor) {
    const verbs::UniqueFd file(::open("/proc/self/comm", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(send_packet(here.get(), Packet{}, file.get()), 0);
    const auto received = receive_packet(there.get());
    ASSERT_TRUE(received.has_value());
    ASSERT_TRUE(received->fd.is_open());
    EXPECT_NE(::fcntl(received->fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Packets, AreNotWaitedFor) {
    const auto received = receive_packet(there.get());
    ASSERT_FALSE(received.has_value());
    EXPECT_EQ(received.error().code, EAGAIN);
}

TEST_F(Packets, EndWhenTheSenderGoes) {
    here.reset();
    const auto received = receive_packet(there.get());
    ASSERT_FALSE(received.has_value());
    EXPECT_EQ(received.error().code, ECONNRESET);
}

TEST_F(Packets, ThatAreShortAreRefused) {
    ASSERT_EQ(::send(here.get(), "hi", 2, 0), 2);
    const auto received = receive_packet(there.get());
    ASSERT_FALSE(received.has_value());
    EXPECT_EQ(received.error().code, EPROTO);
}

TEST_F(Packets, ThatAreLongAreRefused) {
    char large[sizeof(Packet) + 1] = {};
    const Packet packet;
    std::memcpy(large, &packet, sizeof packet);
    ASSERT_EQ(::send(here.get(), large, sizeof large, 0), static_cast<ssize_t>(sizeof large));
    const auto received = receive_packet(there.get());
    ASSERT_FALSE(received.has_value());
    EXPECT_EQ(received.error().code, EPROTO);
}

TEST_F(Packets, OfAnotherProtocolOrVersionAreRefused) {
    Packet packet;
    packet.magic = 1;
    ASSERT_EQ(send_packet(here.get(), packet, -1), 0);
    EXPECT_FALSE(receive_packet(there.get()).has_value());
    packet = {};
    packet.version = kPacketVersion + 1;
    ASSERT_EQ(send_packet(here.get(), packet, -1), 0);
    EXPECT_FALSE(receive_packet(there.get()).has_value());
}

TEST_F(Packets, WithManyDescriptorsLeaveNoneOpen) {
    const std::size_t before = open_descriptors();
    int fds[40];
    for (int &fd : fds)
        fd = STDERR_FILENO;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
    Packet packet;
    iovec part{&packet, sizeof packet};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    std::memcpy(CMSG_DATA(header), fds, sizeof fds);
    ASSERT_EQ(::sendmsg(here.get(), &message, 0), static_cast<ssize_t>(sizeof packet));
    {
        const auto received = receive_packet(there.get());
        ASSERT_TRUE(received.has_value());
        EXPECT_TRUE(received->fd.is_open());
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Packets, AreRefusedWithEagainWhenTheSocketIsFull) {
    int code = 0;
    for (int i = 0; i < 100'000 && code == 0; ++i)
        code = send_packet(here.get(), Packet{}, -1);
    EXPECT_EQ(code, EAGAIN);
}

}  // namespace
