// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A link to a slow peer: nothing blocks, nothing is lost, wake-ups are merged.
#include "link/link.hpp"

#include "link/mr_table.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <vector>

namespace {

using namespace soft;

class SlowPeer : public testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        link = std::make_unique<Link>(verbs::UniqueFd(ends[0]), Link::Role::requester, ::getpid());
        peer = verbs::UniqueFd(ends[1]);
    }
    // Reads what the peer has been sent, flushing in between until nothing waits.
    std::vector<Packet> read_all() {
        std::vector<Packet> packets;
        for (;;) {
            link->flush();
            auto received = receive_packet(peer.get());
            if (!received) return packets;
            packets.push_back(received->packet);
        }
    }
    std::unique_ptr<Link> link;
    verbs::UniqueFd peer;
};

TEST_F(SlowPeer, GetsEveryPacketInOrder) {
    constexpr uint32_t kCount = 5000;
    for (uint32_t i = 1; i <= kCount; ++i) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::open);
        packet.channel = i;
        link->send(packet);
    }
    EXPECT_TRUE(link->is_blocked());
    const auto packets = read_all();
    ASSERT_EQ(packets.size(), kCount);
    for (uint32_t i = 0; i < kCount; ++i)
        ASSERT_EQ(packets[i].channel, i + 1);
    EXPECT_FALSE(link->is_blocked());
}

TEST_F(SlowPeer, GetsOneKickForAllChannelsInsteadOfThousands) {
    for (uint32_t i = 1; i <= 50'000; ++i)
        link->kick(i);
    const auto packets = read_all();
    ASSERT_LT(packets.size(), 2000u);
    EXPECT_EQ(packets.back().channel, 0u) << "the last one says: look at all of them";
}

TEST_F(SlowPeer, CanBeKickedAgainAfterTheMergedKickWasSent) {
    for (uint32_t i = 1; i <= 50'000; ++i)
        link->kick(i);
    read_all();
    link->kick(7);
    const auto packets = read_all();
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].channel, 7u);
}

class Greeting : public SlowPeer {
protected:
    Packet hello() {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::hello);
        packet.canary = canary;
        packet.canary_address = reinterpret_cast<uintptr_t>(&canary);
        return packet;
    }
    uint64_t canary = 0x1234567890abcdef;
};

TEST_F(Greeting, FindsOutThatThePeersMemoryCanBeReached) {
    const auto table = MrTable::create();
    ASSERT_TRUE(table.has_value());
    const auto greeted = link->greet(hello(), table->fd());
    ASSERT_TRUE(greeted.has_value()) << greeted.error().phrase;
    EXPECT_TRUE(link->is_up());
    EXPECT_TRUE(link->reaches_peer());
}

TEST_F(Greeting, FindsOutThatThePeersMemoryIsNotWhatItSays) {
    const auto table = MrTable::create();
    Packet packet = hello();
    packet.canary ^= 1;
    ASSERT_TRUE(link->greet(packet, table->fd()).has_value());
    EXPECT_FALSE(link->reaches_peer());
}

TEST_F(Greeting, RefusesAHomeThatIsNone) {
    EXPECT_FALSE(link->greet(hello(), verbs::UniqueFd()).has_value());
    const verbs::UniqueFd file(::dup(STDERR_FILENO));
    EXPECT_FALSE(link->greet(hello(), file).has_value());
    EXPECT_FALSE(link->is_up());
}

TEST_F(Greeting, RefusesASecondHello) {
    const auto table = MrTable::create();
    ASSERT_TRUE(link->greet(hello(), table->fd()).has_value());
    EXPECT_FALSE(link->greet(hello(), table->fd()).has_value());
}

TEST_F(Greeting, CannotWriteIntoAHome) {
    const auto table = MrTable::create();
    const auto mapped =
        verbs::Mapping::shared(table->fd().get(), sizeof(Home), PROT_READ | PROT_WRITE);
    ASSERT_FALSE(mapped.has_value());
    EXPECT_EQ(mapped.error().code, EPERM);
}

}  // namespace
