// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Data over connected queue pairs: each kind of request, at each size where something changes.
#include "rc_test.hpp"

#include <arpa/inet.h>

#include <tuple>

namespace {

using namespace verbs_test;

constexpr uint64_t kSendId = 0x1111222233334444;
constexpr uint64_t kRecvId = 0xaaaabbbbccccdddd;
constexpr uint32_t kImm = 0x01020304;

class RcData : public RcTest {};
VERBS_TEST_EVERYWHERE(RcData);

TEST_P(RcData, SendTellsBothSides) {
    connect();
    here().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_recv(kRecvId, {{1000, 100}}), 0);
    ASSERT_EQ(here().post_send(make_send(kSendId, {{0, 100}})), 0);
    const ibv_wc wc = there().received();
    EXPECT_TRUE(succeeded(wc, kRecvId, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 100u);
    EXPECT_EQ(wc.qp_num, there().address().qp_num);
    EXPECT_EQ(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    const ibv_wc sent = here().sent();
    EXPECT_TRUE(succeeded(sent, kSendId, IBV_WC_SEND));
    EXPECT_EQ(sent.qp_num, here().address().qp_num);
    EXPECT_EQ(there().load(1000, 100), pattern(1, 100));
}

TEST_P(RcData, SendCarriesImmediateData) {
    connect();
    ASSERT_EQ(there().post_recv(kRecvId, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(kSendId, {{0, 8}}).with_imm(kImm)), 0);
    const ibv_wc wc = there().received();
    EXPECT_TRUE(succeeded(wc, kRecvId, IBV_WC_RECV));
    EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    EXPECT_EQ(ntohl(wc.imm_data), kImm);
    EXPECT_EQ(wc.byte_len, 8u);
    EXPECT_TRUE(succeeded(here().sent(), kSendId, IBV_WC_SEND));
}

TEST_P(RcData, WriteTellsOnlyTheWriter) {
    connect();
    here().store(0, pattern(2, 100));
    ASSERT_EQ(there().post_recv(kRecvId, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_write(1, {{0, 100}}, there().at(500))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(500, 100), pattern(2, 100));
    // The receive is still there for a send.
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().received(), kRecvId, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(RcData, WriteTouchesNothingAroundItsTarget) {
    connect();
    const auto before = pattern(3, 4096);
    there().store(0, before);
    here().store(0, pattern(4, 100));
    ASSERT_EQ(here().post_send(make_write(1, {{0, 100}}, there().at(1001))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    auto expected = before;
    std::ranges::copy(pattern(4, 100), expected.begin() + 1001);
    EXPECT_EQ(there().load(0, 4096), expected);
}

TEST_P(RcData, WriteWithImmediateConsumesAReceive) {
    connect();
    here().store(0, pattern(5, 3000));
    there().store(0, pattern(6, 64));
    ASSERT_EQ(there().post_recv(kRecvId, {{0, 64}}), 0);
    ASSERT_EQ(here().post_send(make_write(kSendId, {{0, 3000}}, there().at(4096)).with_imm(kImm)),
              0);
    const ibv_wc wc = there().received();
    EXPECT_TRUE(succeeded(wc, kRecvId, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_NE(wc.wc_flags & IBV_WC_WITH_IMM, 0u);
    EXPECT_EQ(ntohl(wc.imm_data), kImm);
    EXPECT_EQ(wc.byte_len, 3000u);
    EXPECT_EQ(wc.qp_num, there().address().qp_num);
    EXPECT_TRUE(succeeded(here().sent(), kSendId, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(4096, 3000), pattern(5, 3000));
    EXPECT_EQ(there().load(0, 64), pattern(6, 64)) << "the receive buffer is not for the data";
}

TEST_P(RcData, WriteWithImmediateNeedsNoReceiveBuffer) {
    connect();
    here().store(0, pattern(7, 64));
    ASSERT_EQ(there().post_recv(kRecvId, {}), 0);
    ASSERT_EQ(here().post_send(make_write(1, {{0, 64}}, there().at(0)).with_imm(kImm)), 0);
    EXPECT_TRUE(succeeded(there().received(), kRecvId, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(there().load(0, 64), pattern(7, 64));
}

TEST_P(RcData, ReadTellsOnlyTheReader) {
    connect();
    there().store(700, pattern(8, 100));
    ASSERT_EQ(here().post_send(make_read(kSendId, {{50, 100}}, there().at(700))), 0);
    const ibv_wc wc = here().sent();
    EXPECT_TRUE(succeeded(wc, kSendId, IBV_WC_RDMA_READ));
    EXPECT_EQ(wc.byte_len, 100u);
    EXPECT_EQ(here().load(50, 100), pattern(8, 100));
}

TEST_P(RcData, ReadTouchesNothingAroundItsTarget) {
    connect();
    auto expected = pattern(9, 4096);
    here().store(0, expected);
    there().store(0, pattern(10, 99));
    ASSERT_EQ(here().post_send(make_read(1, {{777, 99}}, there().at(0))), 0);
    ASSERT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_READ));
    std::ranges::copy(pattern(10, 99), expected.begin() + 777);
    EXPECT_EQ(here().load(0, 4096), expected);
}

TEST_P(RcData, GoesBothWaysOnOneConnection) {
    connect();
    here().store(0, pattern(11, 64));
    there().store(0, pattern(12, 64));
    ASSERT_EQ(here().post_recv(1, {{100, 64}}), 0);
    ASSERT_EQ(there().post_recv(2, {{100, 64}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 64}})), 0);
    ASSERT_EQ(there().post_send(make_send(4, {{0, 64}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(there().sent(), 4, IBV_WC_SEND));
    EXPECT_EQ(here().load(100, 64), pattern(12, 64));
    EXPECT_EQ(there().load(100, 64), pattern(11, 64));
}

TEST_P(RcData, FillsOnlyAsMuchOfAReceiveAsTheMessageHas) {
    connect();
    auto expected = pattern(13, 1000);
    there().store(0, expected);
    here().store(0, pattern(14, 10));
    ASSERT_EQ(there().post_recv(1, {{0, 1000}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 10}})), 0);
    EXPECT_EQ(there().received().byte_len, 10u);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    std::ranges::copy(pattern(14, 10), expected.begin());
    EXPECT_EQ(there().load(0, 1000), expected);
}

TEST_P(RcData, NeedsNoKeyToWriteOrReadNothing) {
    connect();
    ASSERT_EQ(here().post_send(make_write(1, {}, {})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    ASSERT_EQ(here().post_send(make_read(2, {}, {})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_READ));
}

TEST_P(RcData, MovesInAndOutOfSharedMappings) {
    SideOptions shared;
    shared.sharing = Sharing::anonymous;
    connect(shared);
    here().store(0, pattern(15, 10000));
    ASSERT_EQ(there().post_recv(1, {{0, 10000}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 10000}})), 0);
    ASSERT_EQ(here().post_send(make_write(3, {{0, 10000}}, there().at(20000))), 0);
    ASSERT_EQ(here().post_send(make_read(4, {{30000, 10000}}, there().at(20000))), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(succeeded(here().sent(), 4, IBV_WC_RDMA_READ));
    EXPECT_EQ(there().load(0, 10000), pattern(15, 10000));
    EXPECT_EQ(there().load(20000, 10000), pattern(15, 10000));
    EXPECT_EQ(here().load(30000, 10000), pattern(15, 10000));
}

// However soon the peer comes to map the file: before and after, the same bytes move.
TEST_P(RcData, MovesInAndOutOfFilesThatPeersMayMap) {
    SideOptions shared;
    shared.sharing = Sharing::file;
    connect(shared);
    for (uint32_t round = 0; round < 200; ++round) {
        const uint32_t size = 1 + round * 37;
        here().store(0, pattern(round, size));
        ASSERT_EQ(here().post_send(make_write(3, {{0, size / 2}, {size / 2, size - size / 2}},
                                              there().at(20000 + round))),
                  0);
        ASSERT_EQ(here().post_send(make_read(4, {{30000, size}}, there().at(20000 + round))), 0);
        ASSERT_TRUE(succeeded(here().sent(), 3, IBV_WC_RDMA_WRITE));
        ASSERT_TRUE(succeeded(here().sent(), 4, IBV_WC_RDMA_READ));
        ASSERT_EQ(there().load(20000 + round, size), pattern(round, size));
        ASSERT_EQ(here().load(30000, size), pattern(round, size));
    }
    // The file reaches further than the region.
    ASSERT_EQ(here().post_send(make_write(5, {{0, 8}}, there().at(shared.memory - 7))), 0);
    EXPECT_TRUE(ended(here().sent(), 5, IBV_WC_REM_ACCESS_ERR));
}

// A program may tell the peer an address that counts from anywhere.
TEST_P(RcData, FindsARegionAtTheAddressItWasRegisteredAt) {
    connect();
    const uint64_t iova = 0x7000000;
    const Pages pages(8192);
    const Mr mr(ibv_reg_mr_iova(here().pd(), pages.data(), 8192, iova, kEveryAccess));
    ASSERT_TRUE(mr);
    there().store(0, pattern(16, 500));
    ASSERT_EQ(there().post_send(make_write(1, {{0, 500}}, {iova + 1000, mr->rkey})), 0);
    ASSERT_TRUE(succeeded(there().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(std::ranges::equal(pages.bytes().subspan(1000, 500), pattern(16, 500)));
}

TEST_P(RcData, WorksWithEveryPathMtu) {
    for (const ibv_mtu mtu : {IBV_MTU_256, IBV_MTU_512, IBV_MTU_1024, IBV_MTU_2048, IBV_MTU_4096}) {
        if (mtu > port_attributes(context()).active_mtu) continue;
        SideOptions options;
        options.path.mtu = mtu;
        connect(options);
        here().store(0, pattern(mtu, 20000));
        ASSERT_EQ(there().post_recv(1, {{0, 20000}}), 0);
        ASSERT_EQ(here().post_send(make_send(2, {{0, 20000}})), 0);
        EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV)) << "mtu " << mtu;
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND)) << "mtu " << mtu;
        EXPECT_EQ(there().load(0, 20000), pattern(mtu, 20000)) << "mtu " << mtu;
    }
}

TEST_P(RcData, WorksFromEveryGidOfThePort) {
    const int length = port_attributes(context()).gid_tbl_len;
    for (int i = 0; i < length; ++i) {
        if (is_zero(gid_at(context(), i))) continue;
        SCOPED_TRACE("entry " + std::to_string(i));
        SideOptions options;
        options.path.gid_index = i;
        connect(options);
        ASSERT_EQ(there().post_recv(1, {{0, 100}}), 0);
        ASSERT_EQ(here().post_send(make_send(2, {{0, 100}})), 0);
        EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    }
}

TEST_P(RcData, WorksAcrossTheWrapOfSequenceNumbers) {
    SideOptions options;
    options.path.psn = 0xfffffe;
    options.path.mtu = IBV_MTU_256;
    connect(options);
    for (uint32_t i = 0; i < 20; ++i) {
        here().store(0, pattern(i, 1000));
        ASSERT_EQ(there().post_recv(i, {{0, 1000}}), 0);
        ASSERT_EQ(here().post_send(make_send(i, {{0, 1000}})), 0);
        EXPECT_TRUE(succeeded(there().received(), i, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
        EXPECT_EQ(there().load(0, 1000), pattern(i, 1000));
    }
}

enum class Kind { Send, SendWithImm, Write, WriteWithImm, Read };
constexpr const char *kKindNames[] = {"Send", "SendWithImm", "Write", "WriteWithImm", "Read"};

class RcSize : public SidesTest,
               public ::testing::WithParamInterface<std::tuple<Place, Kind, uint32_t>> {};

TEST_P(RcSize, ArrivesWholeAndUnchanged) {
    const auto [place, kind, size] = GetParam();
    SideOptions options;
    options.memory = size + 64;
    make_sides(place, options, options);
    join(here(), there());
    const auto data = pattern(size, size);
    const bool is_read = kind == Kind::Read;
    Side &source = is_read ? there() : here();
    Side &target = is_read ? static_cast<Side &>(here()) : there();
    source.store(0, data);

    Sending request = make_send(kSendId, {{0, size}});
    if (kind == Kind::Write || kind == Kind::WriteWithImm) {
        request = make_write(kSendId, {{0, size}}, there().at(0));
    }
    if (is_read) request = make_read(kSendId, {{0, size}}, there().at(0));
    const bool has_imm = kind == Kind::SendWithImm || kind == Kind::WriteWithImm;
    if (has_imm) request = request.with_imm(kImm);

    ASSERT_EQ(there().post_recv(kRecvId, {{0, size}}), 0);
    ASSERT_EQ(here().post_send(request), 0);
    EXPECT_TRUE(ended(here().sent(), kSendId, IBV_WC_SUCCESS));
    if (kind != Kind::Write && kind != Kind::Read) {
        const ibv_wc wc = there().received();
        EXPECT_TRUE(ended(wc, kRecvId, IBV_WC_SUCCESS));
        EXPECT_EQ(wc.byte_len, size);
    }
    EXPECT_TRUE(target.load(0, size) == data) << "the content differs";
    EXPECT_EQ(target.load(size, 64), std::vector<uint8_t>(64)) << "written behind the end";
}

INSTANTIATE_TEST_SUITE_P(Rc, RcSize,
                         ::testing::Combine(::testing::Values(Place::OneContext, Place::TwoContexts,
                                                              Place::TwoProcesses),
                                            ::testing::Values(Kind::Send, Kind::SendWithImm,
                                                              Kind::Write, Kind::WriteWithImm,
                                                              Kind::Read),
                                            // The path MTU is 1024.
                                            ::testing::Values(0, 1, 8, 255, 1023, 1024, 1025, 4096,
                                                              65535, 1 << 20, (8 << 20) - 3)),
                         [](const auto &test) {
                             return place_name(std::get<0>(test.param)) + "_" +
                                    kKindNames[static_cast<int>(std::get<1>(test.param))] + "_" +
                                    std::to_string(std::get<2>(test.param));
                         });

}  // namespace
