// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process of the same user that connects and talks nonsense: it is hung up on, and everybody
// else's traffic goes on.
#include "control/device.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace soft;

const verbs_host &quiet_host() {
    static verbs_host host = [] {
        verbs_host table{};
        table.size = sizeof table;
        table.log_wants = [](int) { return 0; };
        table.set_reason = [](const char *) {};
        table.environment = [](const char *) -> const char * { return nullptr; };
        table.kernel_device_count = [] { return 0; };
        table.retire_qp = [](ibv_qp *) {};
        table.retire_cq = [](ibv_cq *) {};
        return table;
    }();
    return host;
}

class HostilePeer : public testing::Test {
protected:
    void SetUp() override {
        verbs::provider::Host::attach(&quiet_host(), "soft");
        const auto devices = Device::enumerate();
        ASSERT_TRUE(devices.has_value() && !devices->empty());
        auto opened = Device::open(devices->back(), context);
        ASSERT_TRUE(opened.has_value()) << opened.error().phrase;
        device = std::move(*opened);
        pd = *device->alloc_pd();
        cq = *device->create_cq(16, nullptr, 0);
        ibv_qp_init_attr init{};
        init.send_cq = init.recv_cq = cq;
        init.cap = {4, 4, 1, 1, 0};
        init.qp_type = IBV_QPT_UD;
        auto made = device->create_qp(pd, &init);
        ASSERT_TRUE(made.has_value()) << made.error().phrase;
        qp = *made;
        auto connected = connect_to_block(block_of(qp->qp_num));
        ASSERT_TRUE(connected.has_value());
        socket = std::move(*connected);
    }
    void TearDown() override {
        EXPECT_TRUE(device->destroy_qp(qp).has_value());
        EXPECT_TRUE(device->destroy_cq(cq).has_value());
        EXPECT_TRUE(device->dealloc_pd(pd).has_value());
        EXPECT_TRUE(device->close().has_value());
    }
    // Whether the other side ends the conversation, reading on until then.
    bool is_hung_up_on() {
        for (;;) {
            pollfd entry{socket.get(), POLLIN, 0};
            if (::poll(&entry, 1, 10'000) != 1) return false;
            const auto received = receive_packet(socket.get());
            if (!received) return received.error().code == ECONNRESET;
        }
    }
    void say(PacketKind kind, int fd = -1) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(kind);
        packet.channel = 1;
        packet.responder_qpn = qp->qp_num;
        ASSERT_EQ(send_packet(socket.get(), packet, fd), 0);
    }
    ibv_context context{};
    std::unique_ptr<Device> device;
    ibv_pd *pd = nullptr;
    ibv_cq *cq = nullptr;
    ibv_qp *qp = nullptr;
    verbs::UniqueFd socket;
};

TEST_F(HostilePeer, WithAnotherLanguageIsHungUpOn) {
    ASSERT_EQ(::send(socket.get(), "GET / HTTP/1.0", 14, 0), 14);
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(HostilePeer, ThatOpensBeforeItsHelloIsHungUpOn) {
    say(PacketKind::open);
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(HostilePeer, WithAHelloWithoutAHomeIsHungUpOn) {
    say(PacketKind::hello);
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(HostilePeer, WithAHomeThatIsNoneIsHungUpOn) {
    say(PacketKind::hello, STDERR_FILENO);
    EXPECT_TRUE(is_hung_up_on());
}

class GreetedHostilePeer : public HostilePeer {
protected:
    void SetUp() override {
        HostilePeer::SetUp();
        auto table = MrTable::create();
        ASSERT_TRUE(table.has_value());
        say(PacketKind::hello, table->fd().get());
    }
};

TEST_F(GreetedHostilePeer, WithAChannelThatIsNoneIsHungUpOn) {
    say(PacketKind::open, STDERR_FILENO);
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(GreetedHostilePeer, ThatAnswersWhatNobodyAskedIsHungUpOn) {
    say(PacketKind::opened);
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(GreetedHostilePeer, WithAPacketOfNoKindIsHungUpOn) {
    say(static_cast<PacketKind>(200));
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(GreetedHostilePeer, ThatKicksAndClosesWhatDoesNotExistIsPutUpWith) {
    say(PacketKind::kick);
    say(PacketKind::close);
    say(PacketKind::open, STDERR_FILENO);  // and only this one goes too far
    EXPECT_TRUE(is_hung_up_on());
}

TEST_F(GreetedHostilePeer, ThatOffersAChannelToNoQpIsToldSo) {
    auto made = ChannelSegment::create(ChannelKind::rc, 7, qp->qp_num, 0);
    ASSERT_TRUE(made.has_value());
    say(PacketKind::open, made->second.get());
    for (;;) {
        pollfd entry{socket.get(), POLLIN, 0};
        ASSERT_EQ(::poll(&entry, 1, 10'000), 1);
        const auto received = receive_packet(socket.get());
        ASSERT_TRUE(received.has_value()) << received.error().phrase;
        if (received->packet.kind != static_cast<uint8_t>(PacketKind::opened)) continue;
        EXPECT_EQ(received->packet.status, ENOENT);
        break;
    }
}

}  // namespace
