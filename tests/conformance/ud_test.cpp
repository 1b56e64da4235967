// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Datagrams: address handles, the header in front of each message, keys, and many parties.
#include "rc_test.hpp"

#include <arpa/inet.h>

#include <array>

namespace {

using namespace verbs_test;

constexpr uint32_t kGrh = 40;
constexpr uint32_t kQkey = 0x11111111;

SideOptions ud_options() {
    SideOptions options;
    options.type = IBV_QPT_UD;
    return options;
}

class AddressHandle : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) pd_ = alloc_pd(context());
    }
    ibv_ah_attr own_route() { return route_to(context(), gid_at(context(), gid_index(context()))); }
    void expect_refused(ibv_ah_attr attr) {
        errno = 0;
        const Ah ah(ibv_create_ah(pd_.get(), &attr));
        EXPECT_FALSE(ah);
        EXPECT_EQ(errno, EINVAL);
    }
    Pd &pd() { return pd_; }

private:
    Pd pd_;
};

TEST_F(AddressHandle, TellsItsDomain) {
    ibv_ah_attr attr = own_route();
    const Ah ah(ibv_create_ah(pd().get(), &attr));
    ASSERT_TRUE(ah);
    EXPECT_EQ(ah->context, context());
    EXPECT_EQ(ah->pd, pd().get());
}

TEST_F(AddressHandle, IsRefusedWithoutGlobalRouteOnEthernet) {
    ibv_ah_attr attr = own_route();
    attr.is_global = 0;
    attr.dlid = 1;
    expect_refused(attr);
}

TEST_F(AddressHandle, IsRefusedOnAPortTheDeviceLacks) {
    ibv_ah_attr attr = own_route();
    attr.port_num = 0;
    expect_refused(attr);
    attr.port_num = 2;
    expect_refused(attr);
}

TEST_F(AddressHandle, IsRefusedFromAGidThePortLacks) {
    ibv_ah_attr attr = own_route();
    attr.grh.sgid_index = 255;
    expect_refused(attr);
}

TEST_F(AddressHandle, HoldsItsDomain) {
    ibv_ah_attr attr = own_route();
    Ah ah(ibv_create_ah(pd().get(), &attr));
    ASSERT_TRUE(ah);
    EXPECT_EQ(pd().close(), EBUSY);
    EXPECT_EQ(ah.close(), 0);
    EXPECT_EQ(pd().close(), 0);
}

TEST_F(AddressHandle, CanBeHadManyTimes) {
    std::vector<Ah> handles;
    for (int i = 0; i < iterations(500); ++i) {
        ibv_ah_attr attr = own_route();
        handles.push_back(Ah(ibv_create_ah(pd().get(), &attr)));
        ASSERT_TRUE(handles.back());
    }
}

class Ud : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (IsSkipped()) return;
        connect(ud_options());
    }
    Sending to_there(uint64_t id, const Slices &data, uint32_t qkey = kQkey) {
        return make_send(id, data).to(there().address(), qkey);
    }
    // The payload of the message in a receive buffer.
    std::vector<uint8_t> payload(Side &side, size_t offset, const ibv_wc &wc) {
        return side.load(offset + kGrh, wc.byte_len - kGrh);
    }
};
VERBS_TEST_EVERYWHERE(Ud);

TEST_P(Ud, MessageArrivesBehindFortyBytesOfHeader) {
    here().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 100}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 140u);
    EXPECT_NE(wc.wc_flags & IBV_WC_GRH, 0u);
    EXPECT_EQ(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    EXPECT_EQ(wc.qp_num, there().address().qp_num);
    EXPECT_EQ(wc.src_qp, here().address().qp_num);
    EXPECT_EQ(payload(there(), 1000, wc), pattern(1, 100));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, MessageCarriesImmediateData) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 8}}).with_imm(0xdeadbeef)), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    EXPECT_EQ(ntohl(wc.imm_data), 0xdeadbeefu);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, HeaderOfAnIpv4RouteIsAnIpv4HeaderAndTheServiceLevelSaysSo) {
    const ibv_gid gid = gid_at(context(), gid_index(context()));
    ASSERT_TRUE(is_ipv4(gid)) << "this test needs an IPv4 address";
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 8}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.sl & 7, 2);
    const auto header = there().load(20, 20);
    EXPECT_EQ(header[0], 0x45) << "version 4, five words";
    EXPECT_EQ(header[9], 17) << "UDP";
    EXPECT_TRUE(std::equal(header.begin() + 12, header.begin() + 16, gid.raw + 12)) << "source";
    EXPECT_TRUE(std::equal(header.begin() + 16, header.begin() + 20, gid.raw + 12))
        << "destination";
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, HeaderOfAnIpv6RouteIsAGlobalRouteHeader) {
    const int length = port_attributes(context()).gid_tbl_len;
    int tried = 0;
    for (int i = 0; i < length; ++i) {
        const ibv_gid gid = gid_at(context(), i);
        if (is_zero(gid) || is_ipv4(gid)) continue;
        SCOPED_TRACE("entry " + std::to_string(i));
        ++tried;
        SideOptions options = ud_options();
        options.path.gid_index = i;
        connect(options);
        ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
        ASSERT_EQ(here().post_send(to_there(2, {{0, 8}})), 0);
        ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
        EXPECT_NE(wc.wc_flags & IBV_WC_GRH, 0u);
        EXPECT_NE(wc.sl & 7, 2) << "2 stands for IPv4";
        const auto header = there().load(0, kGrh);
        EXPECT_EQ(header[0] >> 4, 6) << "version";
        EXPECT_TRUE(std::equal(header.begin() + 8, header.begin() + 24, gid.raw)) << "source";
        EXPECT_TRUE(std::equal(header.begin() + 24, header.end(), gid.raw)) << "destination";
        ibv_grh grh{};
        std::memcpy(&grh, header.data(), sizeof grh);
        ibv_ah_attr attr{};
        ASSERT_EQ(ibv_init_ah_from_wc(context(), kPort, &wc, &grh, &attr), 0);
        EXPECT_EQ(std::memcmp(attr.grh.dgid.raw, gid.raw, sizeof gid.raw), 0);
        EXPECT_EQ(attr.grh.sgid_index, i);
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    }
    if (tried == 0) GTEST_SKIP() << "the port has no IPv6 address";
}

TEST_P(Ud, MessageFitsUpToTheMtuOfThePort) {
    const uint32_t mtu = 128u << port_attributes(context()).active_mtu;
    here().store(0, pattern(2, mtu));
    for (const uint32_t size : {0u, 1u, mtu - 1, mtu}) {
        ASSERT_EQ(there().post_recv(1, {{8192, kGrh + mtu}}), 0);
        ASSERT_EQ(here().post_send(to_there(2, size == 0 ? Slices{} : Slices{{0, size}})), 0);
        const ibv_wc wc = there().received();
        ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV)) << size;
        EXPECT_EQ(wc.byte_len, kGrh + size);
        EXPECT_EQ(payload(there(), 8192, wc), pattern(2, size));
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << size;
    }
}

// Devices differ in when they notice: while posting, or when the request is carried out.
TEST_P(Ud, MessageAboveTheMtuOfThePortIsRefused) {
    const uint32_t mtu = 128u << port_attributes(context()).active_mtu;
    ASSERT_EQ(there().post_recv(1, {{8192, 2 * mtu}}), 0);
    const int error = here().post_send(to_there(2, {{0, mtu + 1}}));
    if (error == 0) {
        EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_LOC_LEN_ERR));
    } else {
        EXPECT_TRUE(error == EMSGSIZE || error == EINVAL) << "errno " << error;
        ASSERT_EQ(here().post_send(to_there(3, {{0, 8}})), 0);
        EXPECT_EQ(there().received().byte_len, kGrh + 8);
        EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND)) << "it still works";
    }
}

TEST_P(Ud, HeaderAndMessageAreScatteredTogether) {
    here().store(0, pattern(3, 200));
    const Slices to = {{0, 30}, {1000, 50}, {2000, 500}};
    ASSERT_EQ(there().post_recv(1, to), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 50}, {50, 150}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh + 200);
    auto payload = there().load(1010, 40);
    const auto rest = there().load(2000, 160);
    payload.insert(payload.end(), rest.begin(), rest.end());
    EXPECT_EQ(payload, pattern(3, 200));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, InlineMessageArrives) {
    here().store(0, pattern(4, 60));
    const Sending request = to_there(2, {{0, 60}}).with(IBV_SEND_INLINE);
    ASSERT_EQ(there().post_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(request), 0);
    here().store(0, std::vector<uint8_t>(60, 0xee));
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(payload(there(), 1000, wc), pattern(4, 60));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, MessageWithAWrongQkeyIsDropped) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 8}}, kQkey ^ 4)), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << "the sender cannot know";
    ASSERT_EQ(here().post_send(to_there(3, {{0, 16}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh + 16) << "the good one is the first to arrive";
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

TEST_P(Ud, QkeyWithItsTopBitStandsForTheSendersOwn) {
    ASSERT_EQ(there().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 8}}, 0x80000000)), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(Ud, MessageToANumberNobodyHasIsLostWithoutAnError) {
    QpAddress nobody = there().address();
    nobody.qp_num ^= 0x800000;
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}}).to(nobody, kQkey)), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    ASSERT_EQ(there().post_recv(2, {{0, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

TEST_P(Ud, MessagesKeepTheirOrder) {
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_EQ(there().post_recv(i, {{i * 512, 512}}), 0);
    }
    here().store(0, pattern(5, 1000));
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_EQ(here().post_send(to_there(i, {{i, i + 1}})), 0);
    }
    const std::vector<ibv_wc> wcs = there().received(40);
    for (uint32_t i = 0; i < 40; ++i) {
        ASSERT_TRUE(succeeded(wcs[i], i, IBV_WC_RECV));
        EXPECT_EQ(payload(there(), i * 512, wcs[i]), here().load(i, i + 1));
    }
    EXPECT_EQ(here().sent(40).size(), 40u);
}

TEST_P(Ud, MessageCanBeAnsweredFromItsCompletion) {
    here().store(0, pattern(6, 100));
    there().store(8192, pattern(7, 50));
    ASSERT_EQ(here().post_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(there().post_send(make_send(2, {{8192, 50}}).to(here().address(), kQkey)), 0);
    ibv_wc wc = here().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));

    auto *grh = reinterpret_cast<ibv_grh *>(here().region().data() + 1000);
    const Ah way_back(ibv_create_ah_from_wc(here().pd(), &wc, grh, kPort));
    ASSERT_TRUE(way_back);
    ASSERT_EQ(there().post_recv(3, {{0, 500}}), 0);
    ibv_sge sge = here().region().sge(0, 100);
    ibv_send_wr wr{};
    wr.wr_id = 4;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_SEND;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.ud.ah = way_back.get();
    wr.wr.ud.remote_qpn = wc.src_qp;
    wr.wr.ud.remote_qkey = kQkey;
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(here().qp(), &wr, &bad), 0);
    const ibv_wc answer = there().received();
    ASSERT_TRUE(succeeded(answer, 3, IBV_WC_RECV));
    EXPECT_EQ(payload(there(), 0, answer), pattern(6, 100));
    EXPECT_TRUE(succeeded(here().sent(), 4, IBV_WC_SEND));
}

TEST_P(Ud, RouteOfTheAnswerNamesTheSender) {
    ASSERT_EQ(here().post_recv(1, {{0, 500}}), 0);
    ASSERT_EQ(there().post_send(make_send(2, {{0, 50}}).to(here().address(), kQkey)), 0);
    ibv_wc wc = here().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    ASSERT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));
    ibv_ah_attr attr{};
    auto *grh = reinterpret_cast<ibv_grh *>(here().region().data());
    ASSERT_EQ(ibv_init_ah_from_wc(context(), kPort, &wc, grh, &attr), 0);
    EXPECT_EQ(attr.is_global, 1);
    EXPECT_EQ(attr.port_num, kPort);
    const ibv_gid sender = there().address().gid;
    EXPECT_EQ(std::memcmp(attr.grh.dgid.raw, sender.raw, sizeof sender.raw), 0);
    const ibv_gid from = gid_at(context(), attr.grh.sgid_index);
    const ibv_gid own = here().address().gid;
    EXPECT_EQ(std::memcmp(from.raw, own.raw, sizeof own.raw), 0);
}

TEST_P(Ud, OneSenderReachesManyReceivers) {
    LocalSide second(context(), ud_options());
    LocalSide third(context(), ud_options());
    second.connect({});
    third.connect({});
    Side *receivers[] = {&there(), &second, &third};
    here().store(0, pattern(8, 300));
    for (uint32_t round = 0; round < 10; ++round) {
        for (uint32_t i = 0; i < 3; ++i) {
            ASSERT_EQ(receivers[i]->post_recv(round, {{0, 500}}), 0);
            ASSERT_EQ(here().post_send(
                          make_send(i, {{i * 100, 50 + i}}).to(receivers[i]->address(), kQkey)),
                      0);
        }
        for (uint32_t i = 0; i < 3; ++i) {
            const ibv_wc wc = receivers[i]->received();
            ASSERT_TRUE(succeeded(wc, round, IBV_WC_RECV));
            EXPECT_EQ(payload(*receivers[i], 0, wc), here().load(i * 100, 50 + i));
            EXPECT_EQ(wc.src_qp, here().address().qp_num);
        }
        ASSERT_EQ(here().sent(3).size(), 3u);
    }
}

TEST_P(Ud, ManySendersReachOneReceiver) {
    LocalSide second(context(), ud_options());
    second.connect({});
    for (uint64_t i = 0; i < 2; ++i) {
        ASSERT_EQ(there().post_recv(i, {{i * 500, 500}}), 0);
    }
    ASSERT_EQ(here().post_send(to_there(1, {{0, 8}})), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    ASSERT_EQ(second.post_send(to_there(2, {{0, 8}})), 0);
    ASSERT_TRUE(succeeded(second.sent(), 2, IBV_WC_SEND));
    std::vector<uint32_t> senders;
    for (const ibv_wc &wc : there().received(2)) {
        senders.push_back(wc.src_qp);
    }
    EXPECT_NE(std::ranges::find(senders, here().address().qp_num), senders.end());
    EXPECT_NE(std::ranges::find(senders, second.qp()->qp_num), senders.end());
}

TEST_P(Ud, PostedRequestsAreFlushedInTheErrorState) {
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_EQ(there().post_recv(i, {{0, 500}}), 0);
    }
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    const std::vector<ibv_wc> wcs = there().received(10);
    for (uint64_t i = 0; i < 10; ++i) {
        EXPECT_TRUE(ended(wcs[i], i, IBV_WC_WR_FLUSH_ERR));
    }
    ASSERT_EQ(there().post_send(make_send(11, {{0, 8}}).to(here().address(), kQkey)), 0);
    EXPECT_TRUE(ended(there().sent(), 11, IBV_WC_WR_FLUSH_ERR));
}

TEST_P(Ud, QueuePairRefusesRemoteMemoryAccess) {
    Sending request = to_there(1, {{0, 8}});
    request.opcode = IBV_WR_RDMA_WRITE;
    EXPECT_EQ(here().post_send(request), EINVAL);
    request.opcode = IBV_WR_RDMA_READ;
    EXPECT_EQ(here().post_send(request), EINVAL);
}

}  // namespace
