// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Memory windows of type 2: binds that are posted, whom they open to, and the three ways in which
// they end (IBTA volume 1, 10.6.7 and 11.2.8; type 2B).
#include "extended_pair.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace {

using namespace verbs_test;

constexpr unsigned kEveryRight =
    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC;
constexpr uint64_t kOperations = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE |
                                 IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD |
                                 IBV_QP_EX_WITH_SEND_WITH_INV | IBV_QP_EX_WITH_BIND_MW |
                                 IBV_QP_EX_WITH_LOCAL_INV;

Mw alloc_window(ibv_pd *pd) {
    Mw mw(ibv_alloc_mw(pd, IBV_MW_TYPE_2));
    if (!mw) give_up("ibv_alloc_mw");
    return mw;
}

// Requests come from here and reach through windows that the other side binds. Completions of that
// side, of both its queues, are `received`.
class WindowOfType2 : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("windows of type 2");
        if (!IsSkipped()) make(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    }
    void TearDown() override {
        mw_ = {};
        pair_.reset();
        DeviceTest::TearDown();
    }
    void make(int memory_access) {
        mw_ = {};
        pair_ = std::make_unique<ExtendedPair>(context(),
                                               PairOptions{.send_ops = kOperations,
                                                           .access = static_cast<int>(kEveryRight),
                                                           .memory_access = memory_access});
        mw_ = alloc_window(pair().pd());
    }
    ExtendedPair &pair() { return *pair_; }
    Mw &mw() { return mw_; }

    ibv_mw_bind_info part(size_t offset, uint64_t length, unsigned access = kEveryRight) {
        return {pair().mr(), pair().address(pair().into(offset)), length, access};
    }
    static int post(ibv_qp *qp, ibv_send_wr &wr) {
        ibv_send_wr *bad = nullptr;
        return ibv_post_send(qp, &wr, &bad);
    }
    static ibv_send_wr bind_of(uint64_t id, ibv_mw *mw, uint32_t key,
                               const ibv_mw_bind_info &info) {
        ibv_send_wr wr{};
        wr.wr_id = id;
        wr.opcode = IBV_WR_BIND_MW;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.bind_mw = {mw, key, info};
        return wr;
    }
    static ibv_send_wr invalidation_of(uint64_t id, uint32_t key) {
        ibv_send_wr wr{};
        wr.wr_id = id;
        wr.opcode = IBV_WR_LOCAL_INV;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.invalidate_rkey = key;
        return wr;
    }
    void bind(uint32_t key, const ibv_mw_bind_info &info) {
        ibv_send_wr wr = bind_of(1, mw().get(), key, info);
        ASSERT_EQ(post(pair().there(), wr), 0);
        ASSERT_TRUE(went_well(pair().received_one(), 1, IBV_WC_BIND_MW));
        mw()->rkey = key;
    }
    // With the next key, which comes back.
    uint32_t bind(const ibv_mw_bind_info &info) {
        const uint32_t key = ibv_inc_rkey(mw()->rkey);
        bind(key, info);
        return key;
    }
    void invalidate(uint32_t key) {
        ibv_send_wr wr = invalidation_of(2, key);
        ASSERT_EQ(post(pair().there(), wr), 0);
        ASSERT_TRUE(went_well(pair().received_one(), 2, IBV_WC_LOCAL_INV));
    }
    // Ends the connection.
    void expect_bind_fails(uint32_t key, const ibv_mw_bind_info &info) {
        ibv_send_wr wr = bind_of(3, mw().get(), key, info);
        if (const int code = post(pair().there(), wr); code != 0) {
            EXPECT_EQ(code, EINVAL);
            return;
        }
        const Seen seen = pair().received_one();
        EXPECT_EQ(seen.id, 3u);
        EXPECT_EQ(seen.status, IBV_WC_MW_BIND_ERR);
    }
    template <class Begin>
    Seen request(Begin &&begin, uint32_t length) {
        return pair().request(std::forward<Begin>(begin),
                              {pair().address(pair().from()), length, pair().lkey()}, 4);
    }
    Seen write(uint32_t key, uint64_t address, uint32_t length = 8) {
        return request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, key, address); }, length);
    }
    Seen read(uint32_t key, uint64_t address, uint32_t length = 8) {
        return request([&](ibv_qp_ex *qp) { ibv_wr_rdma_read(qp, key, address); }, length);
    }
    Seen send_and_invalidate(uint32_t key, uint32_t length) {
        return request([&](ibv_qp_ex *qp) { ibv_wr_send_inv(qp, key); }, length);
    }
    uint64_t at(size_t offset) { return pair().address(pair().into(offset)); }
    // Ends the connection.
    void expect_closed(uint32_t key, size_t offset = 0) {
        EXPECT_EQ(write(key, at(offset)).status, IBV_WC_REM_ACCESS_ERR);
    }
    void expect_open(uint32_t key, size_t offset = 0) {
        EXPECT_TRUE(went_well(write(key, at(offset)), 4, IBV_WC_RDMA_WRITE));
    }

private:
    std::unique_ptr<ExtendedPair> pair_;
    Mw mw_;
};

TEST_F(WindowOfType2, IsAdvertisedByItsKind) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    for (const uint64_t flags :
         {uint64_t{attr.orig_attr.device_cap_flags}, attr.device_cap_flags_ex}) {
        EXPECT_NE(flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B, 0u);
        EXPECT_EQ(flags & IBV_DEVICE_MEM_WINDOW_TYPE_2A, 0u);
    }
}

#ifndef VERBS_HAVE_MW_TYPE_2
// Programs of libibverbs.so.1 have but one way to make windows, and ask in this one.
TEST_F(WindowOfType2, IsAdvertisedByThePlainQueryToo) {
    EXPECT_NE(device_limits(context()).device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B, 0u);
}
#endif

TEST_F(WindowOfType2, TellsItsDomainAndKind) {
    EXPECT_EQ(mw()->context, context());
    EXPECT_EQ(mw()->pd, pair().pd());
    EXPECT_EQ(mw()->type, IBV_MW_TYPE_2);
}

TEST_F(WindowOfType2, OpensAPartOfARegion) {
    const uint32_t key = bind(part(1024, 512));
    std::fill_n(pair().from(), 512, uint8_t{0x5a});
    EXPECT_TRUE(went_well(write(key, at(1024), 512), 4, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(pair().into(1024)[0], 0x5a);
    EXPECT_EQ(pair().into(1535)[0], 0x5a);
    EXPECT_EQ(pair().into(1536)[0], 0);
    pair().into(1100)[0] = 7;
    EXPECT_TRUE(went_well(read(key, at(1100), 8), 4, IBV_WC_RDMA_READ));
    EXPECT_EQ(pair().from()[0], 7);
}

TEST_F(WindowOfType2, LetsAtomicsThrough) {
    const uint32_t key = bind(part(64, 64));
    EXPECT_TRUE(
        went_well(request([&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, key, at(64), 5); }, 8),
                  4, IBV_WC_FETCH_ADD));
    EXPECT_EQ(pair().into(64)[0], 5);
}

TEST_F(WindowOfType2, CarriesLongTransfers) {
    const uint32_t key = bind(part(0, 20'000));
    std::fill_n(pair().from(), 20'000, uint8_t{0x33});
    EXPECT_TRUE(went_well(write(key, at(0), 20'000), 4, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(pair().into(19'999)[0], 0x33);
}

TEST_F(WindowOfType2, IsClosedUntilItIsBound) {
    expect_closed(mw()->rkey);
}

TEST_F(WindowOfType2, OpensNothingBehindIt) {
    const uint32_t key = bind(part(0, 64));
    expect_closed(key, 60);
}

TEST_F(WindowOfType2, LetsOnlyThroughWhatTheBindSaid) {
    const uint32_t key = bind(part(0, 64, IBV_ACCESS_REMOTE_READ));
    EXPECT_TRUE(went_well(read(key, at(0)), 4, IBV_WC_RDMA_READ));
    expect_closed(key);
}

TEST_F(WindowOfType2, MayCountItsAddressesFromZero) {
    const uint32_t key = bind(part(256, 64, kEveryRight | IBV_ACCESS_ZERO_BASED));
    pair().from()[0] = 0x77;
    EXPECT_TRUE(went_well(write(key, 8), 4, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(pair().into(264)[0], 0x77);
    EXPECT_EQ(write(key, at(256)).status, IBV_WC_REM_ACCESS_ERR);
}

TEST_F(WindowOfType2, IsOpenToWhatIsPostedBehindTheBind) {
    const uint32_t key = ibv_inc_rkey(mw()->rkey);
    ibv_send_wr message{};
    ibv_sge sge{pair().address(pair().into(0)), sizeof key, pair().lkey()};
    message.wr_id = 12;
    message.opcode = IBV_WR_SEND;
    message.send_flags = IBV_SEND_SIGNALED;
    message.sg_list = &sge;
    message.num_sge = 1;
    ibv_send_wr wr = bind_of(11, mw().get(), key, part(512, 64));
    wr.next = &message;
    std::memcpy(pair().into(0), &key, sizeof key);
    // What the message brings is where requests come from.
    ibv_sge into{pair().address(pair().from()), sizeof key, pair().lkey()};
    ibv_recv_wr receive{};
    receive.wr_id = 13;
    receive.sg_list = &into;
    receive.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(pair().here(), &receive, &bad), 0);
    ASSERT_EQ(post(pair().there(), wr), 0);
    ASSERT_TRUE(went_well(pair().sent_one(), 13, IBV_WC_RECV));
    uint32_t told = 0;
    std::memcpy(&told, pair().from(), sizeof told);
    EXPECT_EQ(told, key);
    expect_open(told, 512);
    const auto bound = pair().received(2);
    EXPECT_TRUE(went_well(bound[0], 11, IBV_WC_BIND_MW));
    EXPECT_TRUE(went_well(bound[1], 12, IBV_WC_SEND));
}

TEST_F(WindowOfType2, IsClosedByAnInvalidationHereAndBoundAnew) {
    const uint32_t first = bind(part(0, 64));
    expect_open(first);
    ASSERT_NO_FATAL_FAILURE(invalidate(first));
    const uint32_t second = bind(part(128, 64));
    EXPECT_NE(second, first);
    expect_open(second, 128);
    ASSERT_NO_FATAL_FAILURE(invalidate(second));
    expect_closed(second, 128);
}

TEST_F(WindowOfType2, HasNoOtherKeyThanItsLast) {
    const uint32_t first = bind(part(0, 64));
    ASSERT_NO_FATAL_FAILURE(invalidate(first));
    bind(part(0, 64));
    expect_closed(first);
}

TEST_F(WindowOfType2, IsClosedByAMessageOfThePeerThatNamesItsKey) {
    const uint32_t key = bind(part(0, 64));
    expect_open(key);
    for (const uint32_t length : {0u, 64u, 20'000u}) {
        const uint32_t next = length == 0 ? key : bind(part(0, 64));
        std::fill_n(pair().from(), length, static_cast<uint8_t>(length));
        pair().post_recv(5, length, 4096);
        EXPECT_TRUE(went_well(send_and_invalidate(next, length), 4, IBV_WC_SEND));
        const Seen seen = pair().received_one();
        EXPECT_TRUE(went_well(seen, 5, IBV_WC_RECV));
        EXPECT_NE(seen.flags & IBV_WC_WITH_INV, 0u);
        EXPECT_EQ(seen.flags & IBV_WC_WITH_IMM, 0u);
        EXPECT_EQ(seen.invalidated_rkey, next);
        EXPECT_EQ(seen.byte_len, length);
        EXPECT_EQ(std::memcmp(pair().into(4096), pair().from(), length), 0);
    }
    expect_closed(mw()->rkey);
}

TEST_F(WindowOfType2, LosesItsKeyWhenItGoes) {
    const uint32_t key = bind(part(0, 64));
    EXPECT_EQ(mw().close(), 0) << "bound or not";
    expect_closed(key);
}

TEST_F(WindowOfType2, HoldsItsRegionAsLongAsItIsBound) {
    Pages pages(4096);
    Mr region =
        reg_mr(pair().pd(), pages.data(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    const ibv_mw_bind_info whole{region.get(), pair().address(pages.data()), 4096, kEveryRight};
    const uint32_t key = bind(whole);
    EXPECT_EQ(region.close(), EBUSY);
    ASSERT_NO_FATAL_FAILURE(invalidate(key));
    EXPECT_EQ(region.close(), 0);
}

TEST_F(WindowOfType2, LetsItsRegionGoWhenThePeerInvalidatesIt) {
    Pages pages(4096);
    Mr region =
        reg_mr(pair().pd(), pages.data(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    const uint32_t key = bind({region.get(), pair().address(pages.data()), 4096, kEveryRight});
    pair().post_recv(5, 8);
    EXPECT_TRUE(went_well(send_and_invalidate(key, 8), 4, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 5, IBV_WC_RECV));
    EXPECT_EQ(region.close(), 0);
}

TEST_F(WindowOfType2, IsNotBoundASecondTimeBeforeItWasInvalidated) {
    const uint32_t key = bind(part(0, 64));
    expect_bind_fails(ibv_inc_rkey(key), part(0, 64));
}

TEST_F(WindowOfType2, IsNotBoundByTheKeyThatItHadLast) {
    const uint32_t key = bind(part(0, 64));
    ASSERT_NO_FATAL_FAILURE(invalidate(key));
    expect_bind_fails(key, part(0, 64));
}

TEST_F(WindowOfType2, IsNotBoundByTheKeyThatItWasMadeWith) {
    expect_bind_fails(mw()->rkey, part(0, 64));
}

TEST_F(WindowOfType2, IsNotBoundByAKeyOfAnotherWindow) {
    const Mw other = alloc_window(pair().pd());
    expect_bind_fails(ibv_inc_rkey(other->rkey), part(0, 64));
}

TEST_F(WindowOfType2, NeedsARegionAndALength) {
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), {nullptr, at(0), 64, kEveryRight});
    make(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), part(0, 0));
}

TEST_F(WindowOfType2, NeedsARegionThatAllowsBinding) {
    make(IBV_ACCESS_LOCAL_WRITE);
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), part(0, 64));
}

TEST_F(WindowOfType2, ForWritingNeedsARegionThatMayBeWritten) {
    make(IBV_ACCESS_MW_BIND);
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), part(0, 64, IBV_ACCESS_REMOTE_WRITE));
}

TEST_F(WindowOfType2, CannotReachBeyondItsRegion) {
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), part(0, ExtendedPair::kRegion / 2 + 1));
}

TEST_F(WindowOfType2, OfAnotherDomainThanTheQueuePairIsNotBound) {
    const Pd other = alloc_pd(context());
    mw() = alloc_window(other.get());
    expect_bind_fails(ibv_inc_rkey(mw()->rkey), part(0, 64));
    mw() = {};
}

TEST_F(WindowOfType2, IsNotBoundByTheCallForThoseOfType1) {
    ibv_mw_bind request{};
    request.bind_info = part(0, 64);
    EXPECT_EQ(ibv_bind_mw(pair().there(), mw().get(), &request), EINVAL);
}

TEST_F(WindowOfType2, ThatIsNotBoundCannotBeInvalidated) {
    ibv_send_wr wr = invalidation_of(3, ibv_inc_rkey(mw()->rkey));
    ASSERT_EQ(post(pair().there(), wr), 0);
    EXPECT_EQ(pair().received_one().status, IBV_WC_MW_BIND_ERR);
}

TEST_F(WindowOfType2, IsNotInvalidatedByTheKeyOfARegion) {
    ibv_send_wr wr = invalidation_of(3, pair().rkey());
    ASSERT_EQ(post(pair().there(), wr), 0);
    EXPECT_EQ(pair().received_one().status, IBV_WC_MW_BIND_ERR);
}

TEST_F(WindowOfType2, NamedByAMessageThoughItIsNotBoundFailsBothSides) {
    pair().post_recv(5, 8);
    EXPECT_EQ(send_and_invalidate(ibv_inc_rkey(mw()->rkey), 8).status, IBV_WC_REM_ACCESS_ERR);
    const Seen seen = pair().received_one();
    EXPECT_EQ(seen.id, 5u);
    EXPECT_EQ(seen.status, IBV_WC_REM_INV_REQ_ERR);
    EXPECT_EQ(state_of(pair().there()), IBV_QPS_ERR);
}

TEST_F(WindowOfType2, IsBoundAndInvalidatedByTheCallsOfTheQueuePairToo) {
    ibv_qp_ex *qp = pair().sender();
    const uint32_t key = ibv_inc_rkey(mw()->rkey);
    const ibv_mw_bind_info info = part(0, 64);
    ibv_wr_start(qp);
    qp->wr_id = 21;
    qp->wr_flags = IBV_SEND_SIGNALED;
    ibv_wr_bind_mw(qp, mw().get(), key, &info);
    qp->wr_id = 22;
    ibv_wr_local_inv(qp, key);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    const auto done = pair().sent(2);
    EXPECT_TRUE(went_well(done[0], 21, IBV_WC_BIND_MW));
    EXPECT_TRUE(went_well(done[1], 22, IBV_WC_LOCAL_INV));
}

TEST_F(WindowOfType2, IsNoMatterOfDatagrams) {
    ibv_qp_init_attr_ex attr{};
    attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(pair().sent());
    attr.cap = {1, 1, 1, 1, 0};
    attr.qp_type = IBV_QPT_UD;
    attr.pd = pair().pd();
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
    for (const uint64_t ops : {uint64_t{IBV_QP_EX_WITH_BIND_MW}, uint64_t{IBV_QP_EX_WITH_LOCAL_INV},
                               uint64_t{IBV_QP_EX_WITH_SEND_WITH_INV}}) {
        attr.send_ops_flags = ops;
        errno = 0;
        EXPECT_FALSE(Qp(ibv_create_qp_ex(context(), &attr)));
        EXPECT_EQ(errno, EOPNOTSUPP);
    }
}

// A second connection in the same protection domain.
class WindowOfOneQueuePair : public WindowOfType2 {
protected:
    void SetUp() override {
        WindowOfType2::SetUp();
        if (IsSkipped()) return;
        cq_ = create_cq(context());
        here_ = create();
        there_ = create();
        must_connect_rc(here_.get(), address_of(there_.get(), path()), path());
        must_connect_rc(there_.get(), address_of(here_.get(), path()), path());
    }
    void TearDown() override {
        here_ = {};
        there_ = {};
        cq_ = {};
        WindowOfType2::TearDown();
    }
    ibv_qp *here() { return here_.get(); }
    Qp &there() { return there_; }
    ibv_wc completion() {
        ibv_wc wc{};
        if (!eventually([&] { return ibv_poll_cq(cq_.get(), 1, &wc) != 0; }, patience()))
            throw std::runtime_error("no completion came in time");
        return wc;
    }
    ibv_send_wr message(ibv_wr_opcode opcode, uint32_t key) {
        sge_ = {pair().address(pair().from()), 8, pair().lkey()};
        ibv_send_wr wr{};
        wr.wr_id = 31;
        wr.opcode = opcode;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.sg_list = &sge_;
        wr.num_sge = 1;
        wr.wr.rdma = {at(0), key};
        if (opcode == IBV_WR_SEND_WITH_INV) wr.invalidate_rkey = key;
        return wr;
    }

private:
    static PathOptions path() {
        PathOptions options;
        options.qp_access = static_cast<int>(kEveryRight);
        return options;
    }
    Qp create() {
        ibv_qp_init_attr init{};
        init.send_cq = init.recv_cq = cq_.get();
        init.cap = {8, 8, 1, 1, 0};
        init.qp_type = IBV_QPT_RC;
        Qp qp(ibv_create_qp(pair().pd(), &init));
        if (!qp) give_up("ibv_create_qp");
        return qp;
    }
    Cq cq_;
    Qp here_;
    Qp there_;
    ibv_sge sge_{};
};

TEST_F(WindowOfOneQueuePair, IsClosedToOthersOfItsDomain) {
    const uint32_t key = bind(part(0, 64));
    ibv_send_wr wr = message(IBV_WR_RDMA_WRITE, key);
    ASSERT_EQ(post(here(), wr), 0);
    EXPECT_EQ(completion().status, IBV_WC_REM_ACCESS_ERR);
    expect_open(key);
}

TEST_F(WindowOfOneQueuePair, IsNotInvalidatedByAnother) {
    const uint32_t key = bind(part(0, 64));
    ibv_send_wr wr = invalidation_of(32, key);
    ASSERT_EQ(post(there().get(), wr), 0);
    EXPECT_EQ(completion().status, IBV_WC_MW_BIND_ERR);
    expect_open(key);
}

TEST_F(WindowOfOneQueuePair, IsNotInvalidatedByThePeerOfAnother) {
    const uint32_t key = bind(part(0, 64));
    ibv_sge sge{at(4096), 8, pair().lkey()};
    ibv_recv_wr receive{};
    receive.sg_list = &sge;
    receive.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(there().get(), &receive, &bad), 0);
    ibv_send_wr wr = message(IBV_WR_SEND_WITH_INV, key);
    ASSERT_EQ(post(here(), wr), 0);
    EXPECT_NE(completion().status, IBV_WC_SUCCESS);
    expect_open(key);
}

TEST_F(WindowOfOneQueuePair, IsFreeForAnotherWhenThatOneIsDestroyed) {
    const uint32_t key = ibv_inc_rkey(mw()->rkey);
    Pages pages(4096);
    Mr region =
        reg_mr(pair().pd(), pages.data(), 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    ibv_send_wr wr = bind_of(33, mw().get(), key,
                             {region.get(), pair().address(pages.data()), 4096, kEveryRight});
    ASSERT_EQ(post(there().get(), wr), 0);
    ASSERT_EQ(completion().status, IBV_WC_SUCCESS);
    mw()->rkey = key;
    EXPECT_EQ(there().close(), 0);
    EXPECT_EQ(region.close(), 0);
    expect_open(bind(part(0, 64)));
}

}  // namespace
