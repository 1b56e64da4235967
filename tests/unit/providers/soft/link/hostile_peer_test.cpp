// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process of the same user that connects and talks nonsense: it is hung up on, and everybody
// else's traffic goes on.
#include "control/device.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

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
    void say(PacketKind kind, int fd = -1, uint32_t channel = 1) {
        Packet packet;
        packet.kind = static_cast<uint8_t>(kind);
        packet.channel = channel;
        packet.responder_qpn = qp->qp_num;
        std::memcpy(packet.dgid, device->query_gid(1, 0)->gid.raw, sizeof packet.dgid);
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
    // Offers a channel to a QP; gives the answer.
    int open(uint32_t channel, uint32_t responder_qpn) {
        auto made = ChannelSegment::create(ChannelKind::rc, kRequesterQpn, responder_qpn, 0);
        EXPECT_TRUE(made.has_value());
        say(PacketKind::open, made->second.get(), channel);
        return status_of_open(channel);
    }
    int status_of_open(uint32_t channel) {
        for (;;) {
            pollfd entry{socket.get(), POLLIN, 0};
            if (::poll(&entry, 1, 10'000) != 1) return ETIMEDOUT;
            const auto received = receive_packet(socket.get());
            if (!received) return received.error().code;
            if (received->packet.kind == static_cast<uint8_t>(PacketKind::opened) &&
                received->packet.channel == channel)
                return received->packet.status;
        }
    }
    static constexpr uint32_t kRequesterQpn = 7;
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
    EXPECT_EQ(open(1, qp->qp_num), ENOENT);
}

TEST_F(GreetedHostilePeer, ThatOpensAChannelTwiceIsHungUpOn) {
    EXPECT_EQ(open(1, qp->qp_num), ENOENT);
    say(PacketKind::open);
    EXPECT_TRUE(is_hung_up_on());
}

class HostilePeerOfAConnectedQp : public GreetedHostilePeer {
protected:
    void SetUp() override {
        GreetedHostilePeer::SetUp();
        ibv_qp_init_attr init{};
        init.send_cq = init.recv_cq = cq;
        init.cap = {4, 4, 1, 1, 0};
        init.qp_type = IBV_QPT_RC;
        auto made = device->create_qp(pd, &init);
        ASSERT_TRUE(made.has_value()) << made.error().phrase;
        connected = *made;
        ibv_qp_attr attr{};
        attr.qp_state = IBV_QPS_INIT;
        attr.port_num = 1;
        modify(attr, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
        attr.qp_state = IBV_QPS_RTR;
        attr.path_mtu = IBV_MTU_1024;
        attr.dest_qp_num = kRequesterQpn;
        attr.ah_attr.is_global = 1;
        attr.ah_attr.port_num = 1;
        attr.ah_attr.grh.dgid = device->query_gid(1, 0)->gid;
        modify(attr, IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                         IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
    }
    void TearDown() override {
        if (connected != nullptr) {
            EXPECT_TRUE(device->destroy_qp(connected).has_value());
        }
        GreetedHostilePeer::TearDown();
    }
    void modify(ibv_qp_attr &attr, int mask) {
        const auto modified = device->modify_qp(connected, &attr, mask | IBV_QP_STATE);
        ASSERT_TRUE(modified.has_value()) << modified.error().phrase;
    }
    ibv_qp *connected = nullptr;
};

// A QP that two channels led to was known to the link beyond its end.
TEST_F(HostilePeerOfAConnectedQp, HasOneChannelToItAtATime) {
    EXPECT_EQ(open(1, connected->qp_num), 0);
    EXPECT_EQ(open(2, connected->qp_num), EAGAIN);
    EXPECT_TRUE(device->destroy_qp(connected).has_value());
    connected = nullptr;
    for (const uint32_t channel : {1, 2, 0})
        say(PacketKind::kick, -1, channel);
    EXPECT_EQ(open(3, qp->qp_num), ENOENT);
}

TEST_F(HostilePeerOfAConnectedQp, GetsAnotherChannelToItWhenItHasClosedTheFirst) {
    EXPECT_EQ(open(1, connected->qp_num), 0);
    EXPECT_EQ(open(2, connected->qp_num), EAGAIN);
    say(PacketKind::close);
    EXPECT_EQ(status_of_open(2), 0);
}

}  // namespace
