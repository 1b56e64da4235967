// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A link to a slow peer: nothing blocks, nothing is lost, wake-ups are merged.
#include "link/link.hpp"

#include "link/mr_table.hpp"

#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
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

TEST_F(SlowPeer, CanBeKickedAgainWhileOtherPacketsStillWait) {
    for (uint32_t i = 1; i <= 50'000; ++i)
        link->kick(i);
    // Behind the merged kick, more than the socket takes at once.
    for (uint32_t i = 1; i <= 5000; ++i) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(PacketKind::close);
        packet.channel = i;
        link->send(packet);
    }
    const auto is_kick_for_all = [](const Packet &packet) {
        return packet.kind == static_cast<uint8_t>(PacketKind::kick) && packet.channel == 0;
    };
    // Until the merged kick has been read, but not all of the rest.
    for (bool seen = false; !seen && link->is_blocked();) {
        auto received = receive_packet(peer.get());
        ASSERT_TRUE(received.has_value());
        seen = is_kick_for_all(received->packet);
        link->flush();
    }
    if (!link->is_blocked()) return;  // the kick came last, as in the other tests
    link->kick(7);
    const auto packets = read_all();
    EXPECT_TRUE(std::any_of(packets.begin(), packets.end(), is_kick_for_all))
        << "the second kick is lost";
}

TEST_F(SlowPeer, WakesWhoeverHasToWaitForRoom) {
    const verbs::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ASSERT_TRUE(wake.is_open());
    link->wake_when_blocked(wake.get());
    uint64_t times = 0;
    link->kick(1);
    EXPECT_LT(::read(wake.get(), &times, sizeof times), 0) << "there was room";
    for (uint32_t i = 2; i <= 50'000; ++i)
        link->kick(i);
    ASSERT_TRUE(link->is_blocked());
    EXPECT_EQ(::read(wake.get(), &times, sizeof times), static_cast<ssize_t>(sizeof times));
    EXPECT_EQ(times, 1u) << "once is enough";
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
