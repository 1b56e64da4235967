// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What keys and rights allow on a connection, what each violation looks like on both sides, and
// that refused requests leave memory alone.
#include "rc_test.hpp"

namespace {

using namespace verbs_test;

constexpr uint32_t kSpoiled = 0x00ffff00;

class RcRights : public RcTest {
protected:
    void expect_both_in_error() {
        EXPECT_TRUE(eventually([&] { return here().state() == IBV_QPS_ERR; }));
        EXPECT_TRUE(eventually([&] { return there().state() == IBV_QPS_ERR; }));
    }
    // Posts a request that the peer has to refuse, and looks at what both sides make of it.
    void expect_refused_by_peer(const Sending &request,
                                std::initializer_list<ibv_wc_status> allowed) {
        const auto here_before = here().load(0, here().region().size());
        const auto there_before = there().load(0, 1 << 16);
        ASSERT_EQ(there().post_recv(50, {{0, 8}}), 0);
        ASSERT_EQ(here().post_send(request), 0);
        ASSERT_EQ(here().post_send(make_send(51, {{0, 8}})), 0);
        const ibv_wc wc = here().sent();
        EXPECT_EQ(wc.wr_id, request.id);
        EXPECT_NE(std::ranges::find(allowed, wc.status), allowed.end())
            << ibv_wc_status_str(wc.status);
        EXPECT_TRUE(ended(here().sent(), 51, IBV_WC_WR_FLUSH_ERR));
        EXPECT_TRUE(ended(there().received(), 50, IBV_WC_WR_FLUSH_ERR));
        expect_both_in_error();
        EXPECT_EQ(here().load(0, here().region().size()), here_before);
        EXPECT_EQ(there().load(0, 1 << 16), there_before);
    }
    void expect_refused_by_peer(const Sending &request) {
        expect_refused_by_peer(request, {IBV_WC_REM_ACCESS_ERR});
    }
    // The same for a request that fails on our own side.
    void expect_refused_here(const Sending &request, ibv_wc_status status) {
        const auto there_before = there().load(0, 1 << 16);
        ASSERT_EQ(here().post_send(request), 0);
        ASSERT_EQ(here().post_send(make_send(51, {{0, 8}})), 0);
        EXPECT_TRUE(ended(here().sent(), request.id, status));
        EXPECT_TRUE(ended(here().sent(), 51, IBV_WC_WR_FLUSH_ERR));
        EXPECT_TRUE(eventually([&] { return here().state() == IBV_QPS_ERR; }));
        EXPECT_EQ(there().load(0, 1 << 16), there_before);
    }
};
VERBS_TEST_EVERYWHERE(RcRights);

TEST_P(RcRights, RefuseAWriteWithAWrongKey) {
    connect();
    here().store(0, pattern(1, 100));
    RemotePlace place = there().at(0);
    place.rkey ^= kSpoiled;
    expect_refused_by_peer(make_write(1, {{0, 100}}, place));
}

TEST_P(RcRights, RefuseAReadWithAWrongKey) {
    connect();
    there().store(0, pattern(2, 100));
    RemotePlace place = there().at(0);
    place.rkey ^= kSpoiled;
    expect_refused_by_peer(make_read(1, {{0, 100}}, place));
}

TEST_P(RcRights, RefuseAWriteWithAKeyOfWhichOnlyTheLowByteDiffers) {
    connect();
    here().store(0, pattern(3, 100));
    RemotePlace place = there().at(0);
    place.rkey ^= 1;
    expect_refused_by_peer(make_write(1, {{0, 100}}, place));
}

TEST_P(RcRights, RefuseAWriteThatEndsBehindTheRegion) {
    connect();
    here().store(0, pattern(4, 100));
    expect_refused_by_peer(make_write(1, {{0, 100}}, there().at((1 << 16) - 99)));
}

TEST_P(RcRights, RefuseALongWriteThatEndsBehindTheRegionBeforeAnyOfItIsWritten) {
    connect();
    here().store(0, pattern(5, 1 << 16));
    expect_refused_by_peer(make_write(1, {{0, 1 << 16}}, there().at(1)));
}

TEST_P(RcRights, RefuseAWriteThatBeginsBeforeTheRegion) {
    connect();
    here().store(0, pattern(6, 100));
    RemotePlace place = there().at(0);
    place.addr -= 1;
    expect_refused_by_peer(make_write(1, {{0, 100}}, place));
}

TEST_P(RcRights, RefuseAWriteWhoseEndWrapsAround) {
    connect();
    here().store(0, pattern(7, 100));
    RemotePlace place = there().at(0);
    place.addr = UINT64_MAX - 50;
    expect_refused_by_peer(make_write(1, {{0, 100}}, place));
}

TEST_P(RcRights, RefuseAReadThatEndsBehindTheRegion) {
    connect();
    there().store(0, pattern(8, 1 << 16));
    expect_refused_by_peer(make_read(1, {{0, 100}}, there().at((1 << 16) - 99)));
}

TEST_P(RcRights, RefuseAWriteWithImmediateAndAWrongKey) {
    connect();
    here().store(0, pattern(9, 100));
    RemotePlace place = there().at(0);
    place.rkey ^= kSpoiled;
    expect_refused_by_peer(make_write(1, {{0, 100}}, place).with_imm(1));
}

TEST_P(RcRights, RefuseAWriteToARegionThatMayOnlyBeRead) {
    SideOptions readable;
    readable.memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ;
    connect({}, readable);
    here().store(0, pattern(10, 100));
    expect_refused_by_peer(make_write(1, {{0, 100}}, there().at(0)));
}

TEST_P(RcRights, RefuseAReadOfARegionThatMayOnlyBeWritten) {
    SideOptions writable;
    writable.memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
    connect({}, writable);
    expect_refused_by_peer(make_read(1, {{0, 100}}, there().at(0)));
}

TEST_P(RcRights, RefuseBothOnARegionWithoutRemoteRights) {
    SideOptions local;
    local.memory_access = IBV_ACCESS_LOCAL_WRITE;
    connect({}, local);
    expect_refused_by_peer(make_write(1, {{0, 100}}, there().at(0)));
    connect({}, local);
    expect_refused_by_peer(make_read(1, {{0, 100}}, there().at(0)));
}

// Whether that is an invalid request or a lack of access is told differently by real devices.
TEST_P(RcRights, RefuseAWriteToAQueuePairThatTakesNone) {
    SideOptions options;
    options.path.qp_access = IBV_ACCESS_REMOTE_READ;
    connect({}, options);
    here().store(0, pattern(11, 100));
    expect_refused_by_peer(make_write(1, {{0, 100}}, there().at(0)),
                           {IBV_WC_REM_ACCESS_ERR, IBV_WC_REM_INV_REQ_ERR});
}

TEST_P(RcRights, RefuseAReadFromAQueuePairThatGivesNone) {
    SideOptions options;
    options.path.qp_access = IBV_ACCESS_REMOTE_WRITE;
    connect({}, options);
    expect_refused_by_peer(make_read(1, {{0, 100}}, there().at(0)),
                           {IBV_WC_REM_ACCESS_ERR, IBV_WC_REM_INV_REQ_ERR});
}

TEST_P(RcRights, DoNotConcernSends) {
    SideOptions none;
    none.path.qp_access = 0;
    none.memory_access = IBV_ACCESS_LOCAL_WRITE;
    connect(none);
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(RcRights, RefuseToSendFromAWrongKey) {
    connect();
    expect_refused_here(make_send(1, {{0, 100, kSpoiled}}), IBV_WC_LOC_PROT_ERR);
}

TEST_P(RcRights, RefuseToWriteFromAWrongKeyInALaterPiece) {
    connect();
    here().store(0, pattern(12, 200));
    expect_refused_here(make_write(1, {{0, 100}, {100, 100, kSpoiled}}, there().at(0)),
                        IBV_WC_LOC_PROT_ERR);
}

TEST_P(RcRights, RefuseToSendFromBehindTheRegion) {
    connect();
    expect_refused_here(make_send(1, {{(1 << 16) - 99, 100}}), IBV_WC_LOC_PROT_ERR);
}

TEST_P(RcRights, RefuseToReadIntoAWrongKey) {
    connect();
    expect_refused_here(make_read(1, {{0, 100, kSpoiled}}, there().at(0)), IBV_WC_LOC_PROT_ERR);
}

TEST_P(RcRights, RefuseToReadIntoARegionThatMayNotBeWritten) {
    SideOptions constant;
    constant.memory_access = 0;
    connect(constant, {});
    there().store(0, pattern(13, 100));
    expect_refused_here(make_read(1, {{0, 100}}, there().at(0)), IBV_WC_LOC_PROT_ERR);
    EXPECT_EQ(here().load(0, 100), std::vector<uint8_t>(100));
}

TEST_P(RcRights, AllowToSendFromARegionThatMayNotBeWritten) {
    SideOptions constant;
    constant.memory_access = 0;
    connect(constant, {});
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(RcRights, FailAReceiveIntoAWrongKeyOnBothSides) {
    connect();
    ASSERT_EQ(there().post_recv(1, {{0, 8, kSpoiled}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_REM_OP_ERR));
    expect_both_in_error();
}

TEST_P(RcRights, FailAReceiveIntoARegionThatMayNotBeWritten) {
    SideOptions constant;
    constant.memory_access = 0;
    connect({}, constant);
    here().store(0, pattern(14, 8));
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_REM_OP_ERR));
    EXPECT_EQ(there().load(0, 8), std::vector<uint8_t>(8));
}

TEST_P(RcRights, FailAMessageThatIsLongerThanItsReceive) {
    connect();
    here().store(0, pattern(15, 3000));
    ASSERT_EQ(there().post_recv(1, {{100, 2000}, {5000, 999}}), 0);
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 3000}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_LEN_ERR));
    EXPECT_TRUE(ended(there().received(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_REM_INV_REQ_ERR));
    expect_both_in_error();
    EXPECT_EQ(there().load(2100, 2900), std::vector<uint8_t>(2900)) << "between the pieces";
    EXPECT_EQ(there().load(5999, 1000), std::vector<uint8_t>(1000)) << "behind the pieces";
}

TEST_P(RcRights, FailAMessageForAReceiveWithoutAnyRoom) {
    connect();
    ASSERT_EQ(there().post_recv(1, {}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 1}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_LEN_ERR));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_REM_INV_REQ_ERR));
}

// Failing calls for which a region outside the side's own is needed: the local side posts them.
class RcForeignRegion : public RcRights {
protected:
    int post(ibv_wr_opcode opcode, ibv_sge sge, const RemotePlace &place) {
        ibv_send_wr wr{};
        wr.wr_id = 1;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        wr.opcode = opcode;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.wr.rdma.remote_addr = place.addr;
        wr.wr.rdma.rkey = place.rkey;
        ibv_send_wr *bad = nullptr;
        return ibv_post_send(here().qp(), &wr, &bad);
    }
};
VERBS_TEST_EVERYWHERE(RcForeignRegion);

TEST_P(RcForeignRegion, OfAnotherDomainIsRefusedAsASource) {
    connect();
    const Pd other = alloc_pd(context());
    const Region region(other.get(), 4096);
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE, region.sge(0, 100), there().at(0)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
}

TEST_P(RcForeignRegion, OfAnotherDomainIsRefusedAsATarget) {
    connect();
    const Pd other = alloc_pd(context());
    const Region region(other.get(), 4096);
    ASSERT_EQ(there().post_send(make_write(1, {{0, 100}}, region.at(0))), 0);
    EXPECT_TRUE(ended(there().sent(), 1, IBV_WC_REM_ACCESS_ERR));
}

TEST_P(RcForeignRegion, ThatIsGoneIsRefusedAsASource) {
    connect();
    Region region(here().pd(), 4096);
    const ibv_sge sge = region.sge(0, 100);
    ASSERT_EQ(region.mr().close(), 0);
    ASSERT_EQ(post(IBV_WR_SEND, sge, {}), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
}

TEST_P(RcForeignRegion, ThatIsGoneIsRefusedAsATarget) {
    connect();
    Region region(here().pd(), 4096);
    const RemotePlace place = region.at(0);
    // The key works first, so that a peer that remembers it is found out.
    there().store(0, pattern(1, 100));
    ASSERT_EQ(there().post_send(make_write(1, {{0, 100}}, place)), 0);
    ASSERT_TRUE(succeeded(there().sent(), 1, IBV_WC_RDMA_WRITE));
    ASSERT_EQ(region.mr().close(), 0);
    there().store(0, pattern(2, 100));
    ASSERT_EQ(there().post_send(make_write(2, {{0, 100}}, place)), 0);
    EXPECT_TRUE(ended(there().sent(), 2, IBV_WC_REM_ACCESS_ERR));
    EXPECT_TRUE(std::ranges::equal(region.bytes().first(100), pattern(1, 100)));
}

// A mistake of programs that real hardware forgives, because it holds the pages: whatever becomes
// of the request, nobody crashes.
TEST_P(RcForeignRegion, WhoseMemoryWasUnmappedCrashesNobody) {
    connect();
    auto pages = std::make_unique<Pages>(8192);
    const Mr mr = reg_mr(here().pd(), pages->data(), 8192);
    const RemotePlace place{reinterpret_cast<uint64_t>(pages->data()), mr->rkey};
    pages.reset();
    ASSERT_EQ(there().post_send(make_write(1, {{0, 8192}}, place)), 0);
    EXPECT_EQ(there().sent().wr_id, 1u);
}

TEST_P(RcForeignRegion, OfAnotherContextIsRefusedAsASource) {
    connect();
    const Context other = open_device();
    const Pd pd = alloc_pd(other.get());
    const Region region(pd.get(), 4096);
    ibv_sge sge = region.sge(0, 100);
    // Keys of contexts may be equal numbers; an address in the wrong region must not pass either.
    ASSERT_EQ(post(IBV_WR_RDMA_WRITE, sge, there().at(0)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_LOC_PROT_ERR));
}

}  // namespace
