// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A port with InfiniBand link layer: its LID and GID, connections and datagrams by LID, with and
// without a global route. On a device with another link layer these tests are skipped.
#include "rc_test.hpp"

#include <arpa/inet.h>
#include <endian.h>

namespace {

using namespace verbs_test;

constexpr uint32_t kGrh = 40;
constexpr uint32_t kQkey = 0x11111111;

class Infiniband : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        port_ = port_attributes(context());
        if (port_.link_layer != IBV_LINK_LAYER_INFINIBAND)
            GTEST_SKIP() << "the link layer of the port is not InfiniBand";
    }
    [[nodiscard]] const ibv_port_attr &port() const { return port_; }
    // A route without global part.
    [[nodiscard]] ibv_ah_attr by_lid(uint16_t lid, uint8_t service_level = 0) const {
        ibv_ah_attr attr{};
        attr.dlid = lid;
        attr.sl = service_level;
        attr.port_num = kPort;
        return attr;
    }
    // RESET to RTS by that route.
    void connect(LocalSide &side, const QpAddress &peer, const ibv_ah_attr &route,
                 const PathOptions &options = {}) {
        ASSERT_EQ(rc_init(options).apply(side.qp()), 0);
        Step rtr = rc_rtr(context(), peer, options);
        rtr.attr.ah_attr = route;
        ASSERT_EQ(rtr.apply(side.qp()), 0);
        ASSERT_EQ(rc_rts(context(), options).apply(side.qp()), 0);
    }
    void expect_nobody_by(const ibv_ah_attr &route) {
        LocalSide here(context());
        LocalSide there(context());
        PathOptions options;
        options.timeout = 8;
        options.retry_cnt = 1;
        connect(there, here.address(), by_lid(port().lid));
        connect(here, there.address(), route, options);
        ASSERT_EQ(here.post_send(make_send(1, {{0, 8}})), 0);
        EXPECT_TRUE(ended(here.sent(), 1, IBV_WC_RETRY_EXC_ERR));
    }

private:
    ibv_port_attr port_{};
};

TEST_F(Infiniband, PortHasALidAndKnowsASubnetManager) {
    EXPECT_NE(port().lid, 0);
    EXPECT_LT(port().lid, 0xc000) << "a unicast LID";
    EXPECT_NE(port().sm_lid, 0);
    EXPECT_EQ(port().lmc, 0);
}

TEST_F(Infiniband, PortsFirstGidIsLinkLocalWithItsGuid) {
    const ibv_gid gid = gid_at(context(), 0);
    EXPECT_EQ(be64toh(gid.global.subnet_prefix), 0xfe80000000000000u);
    EXPECT_EQ(gid.global.interface_id, ibv_get_device_guid(context()->device));
}

TEST_F(Infiniband, ConnectionByLidCarriesData) {
    LocalSide here(context());
    LocalSide there(context());
    connect(here, there.address(), by_lid(port().lid));
    connect(there, here.address(), by_lid(port().lid));
    here.store(0, pattern(1, 5000));
    ASSERT_EQ(there.post_recv(1, {{0, 5000}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 5000}})), 0);
    EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    EXPECT_EQ(there.load(0, 5000), pattern(1, 5000));
    ASSERT_EQ(here.post_send(make_write(3, {{0, 100}}, there.at(6000))), 0);
    EXPECT_TRUE(succeeded(here.sent(), 3, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there.load(6000, 100), here.load(0, 100));
    ASSERT_EQ(here.post_send(make_read(4, {{8000, 100}}, there.at(6000))), 0);
    EXPECT_TRUE(succeeded(here.sent(), 4, IBV_WC_RDMA_READ));
}

TEST_F(Infiniband, ConnectionByLidMayHaveAnAnswerByGidFromAnotherProcess) {
    LocalSide here(context());
    RemoteSide there;
    connect(here, there.address(), by_lid(port().lid));
    there.connect(here.address());
    ASSERT_EQ(there.post_recv(1, {{0, 100}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    ASSERT_EQ(here.post_recv(3, {{0, 100}}), 0);
    ASSERT_EQ(there.post_send(make_send(4, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(here.received(), 3, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(there.sent(), 4, IBV_WC_SEND));
}

TEST_F(Infiniband, ConnectionByALidThatNobodyHasGivesUp) {
    expect_nobody_by(by_lid(static_cast<uint16_t>(port().lid + 1)));
}

TEST_F(Infiniband, ConnectionByAGidThatNobodyHasGivesUp) {
    ibv_gid gid = gid_at(context(), 0);
    gid.raw[15] ^= 1;
    expect_nobody_by(route_to(context(), gid));
}

TEST_F(Infiniband, ConnectionByTheRightGidAtAWrongLidGivesUp) {
    ibv_ah_attr route = route_to(context(), gid_at(context(), 0));
    ++route.dlid;
    expect_nobody_by(route);
}

TEST_F(Infiniband, ConnectionTellsItsRouteByLid) {
    LocalSide side(context());
    connect(side, side.address(), by_lid(port().lid, 4));
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_EQ(ibv_query_qp(side.qp(), &attr, IBV_QP_AV, &init), 0);
    EXPECT_EQ(attr.ah_attr.is_global, 0);
    EXPECT_EQ(attr.ah_attr.dlid, port().lid);
    EXPECT_EQ(attr.ah_attr.sl, 4);
}

// Two datagram queue pairs, and sends by any route.
class InfinibandDatagram : public Infiniband {
protected:
    void SetUp() override {
        Infiniband::SetUp();
        if (IsSkipped()) return;
        SideOptions options;
        options.type = IBV_QPT_UD;
        here_ = std::make_unique<LocalSide>(context(), options);
        there_ = std::make_unique<LocalSide>(context(), options);
        join(*here_, *there_);
        here_->store(0, pattern(1, 1000));
        there_->store(0, std::vector<uint8_t>(1000, 0xee));
    }
    void send(ibv_ah_attr route, uint32_t length) {
        const Ah ah(ibv_create_ah(here_->pd(), &route));
        ASSERT_TRUE(ah);
        send(*here_, ah.get(), there_->qp()->qp_num, length);
    }
    static void send(LocalSide &from, ibv_ah *ah, uint32_t qp_num, uint32_t length) {
        ibv_sge sge = from.region().sge(0, length);
        ibv_send_wr wr{};
        wr.wr_id = 7;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = IBV_WR_SEND;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.wr.ud.ah = ah;
        wr.wr.ud.remote_qpn = qp_num;
        wr.wr.ud.remote_qkey = kQkey;
        ibv_send_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_send(from.qp(), &wr, &bad), 0);
        ASSERT_TRUE(succeeded(from.sent(), 7, IBV_WC_SEND));
    }
    LocalSide &here() { return *here_; }
    LocalSide &there() { return *there_; }

private:
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> there_;
};

TEST_F(InfinibandDatagram, ByLidHasNoHeaderButItsPlace) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    send(by_lid(port().lid, 5), 100);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.wc_flags & IBV_WC_GRH, 0u);
    EXPECT_EQ(wc.byte_len, kGrh + 100);
    EXPECT_EQ(wc.slid, port().lid);
    EXPECT_EQ(wc.sl, 5);
    EXPECT_EQ(wc.src_qp, here().qp()->qp_num);
    EXPECT_EQ(there().load(kGrh, 100), pattern(1, 100));
}

TEST_F(InfinibandDatagram, ByGidHasAHeader) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    ibv_ah_attr route = route_to(context(), gid_at(context(), 0));
    route.sl = 3;
    route.grh.traffic_class = 0x21;
    send(route, 100);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_GRH, 0u);
    EXPECT_EQ(wc.slid, port().lid);
    EXPECT_EQ(wc.sl, 3);
    const auto *grh = reinterpret_cast<const ibv_grh *>(there().region().data());
    EXPECT_EQ(grh->next_hdr, 0x1b);
    EXPECT_EQ(ntohl(grh->version_tclass_flow), 0x62100000u);
    const ibv_gid own = gid_at(context(), 0);
    EXPECT_EQ(std::memcmp(grh->sgid.raw, own.raw, sizeof own.raw), 0);
    EXPECT_EQ(std::memcmp(grh->dgid.raw, own.raw, sizeof own.raw), 0);
    EXPECT_EQ(there().load(kGrh, 100), pattern(1, 100));
}

TEST_F(InfinibandDatagram, ToALidThatNobodyHasIsLost) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    send(by_lid(port().lid), 10);
    EXPECT_EQ(there().received().byte_len, kGrh + 10);
    ASSERT_EQ(there().post_recv(2, {{0, 500}}), 0);
    send(by_lid(static_cast<uint16_t>(port().lid + 7)), 20);
    send(by_lid(port().lid), 30);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 2, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh + 30);
}

TEST_F(InfinibandDatagram, ByLidCanBeAnsweredFromItsCompletion) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    send(by_lid(port().lid, 2), 50);
    ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    auto *grh = reinterpret_cast<ibv_grh *>(there().region().data());
    ibv_ah_attr route{};
    ASSERT_EQ(ibv_init_ah_from_wc(context(), kPort, &wc, grh, &route), 0);
    EXPECT_EQ(route.is_global, 0);
    EXPECT_EQ(route.dlid, port().lid);
    EXPECT_EQ(route.sl, 2);
    const Ah back(ibv_create_ah_from_wc(there().pd(), &wc, grh, kPort));
    ASSERT_TRUE(back);
    ASSERT_EQ(here().post_recv(2, {{2000, 500}}), 0);
    send(there(), back.get(), wc.src_qp, 60);
    EXPECT_EQ(here().received().byte_len, kGrh + 60);
}

}  // namespace
