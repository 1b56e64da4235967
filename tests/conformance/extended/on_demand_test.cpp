// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Regions that are paged on demand: registered before their pages are there, used whatever has
// become of the mapping since, and refused with a completion when there is none. Also advice about
// them: ibv_advise_mr(3). Messages are of both kinds of length: those that go along in a queue, and
// those that are fetched.
#include "extended_pair.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <memory>

namespace {

using namespace verbs_test;

constexpr size_t kPage = 4096;
constexpr size_t kSize = 16 * kPage;
constexpr uint32_t kShort = 64;
constexpr uint32_t kLong = 20'000;
constexpr int kOnDemand = IBV_ACCESS_ON_DEMAND | kEveryAccess;

// A range of addresses that is ours, with memory behind it or not.
class Range {
public:
    Range() : start_(static_cast<uint8_t *>(take(nullptr, PROT_NONE, 0))) {}
    Range(const Range &) = delete;
    Range &operator=(const Range &) = delete;
    ~Range() { ::munmap(start_, kSize); }

    [[nodiscard]] uint8_t *data(size_t offset = 0) const { return start_ + offset; }
    [[nodiscard]] uint64_t address(size_t offset = 0) const {
        return reinterpret_cast<uint64_t>(data(offset));
    }
    // Memory that is new: all zero, and no page of it in memory.
    void map() { take(start_, PROT_READ | PROT_WRITE, MAP_FIXED); }
    // A mapping without rights stands for none at all: a free address would be given to the next
    // who asks for memory.
    void take_away() { take(start_, PROT_NONE, MAP_FIXED); }
    [[nodiscard]] size_t resident_pages() const {
        unsigned char pages[kSize / kPage];
        if (::mincore(start_, kSize, pages) != 0) give_up("mincore");
        return static_cast<size_t>(
            std::count_if(std::begin(pages), std::end(pages), [](auto page) { return page & 1; }));
    }

private:
    static void *take(void *where, int protection, int flags) {
        void *start = ::mmap(where, kSize, protection,
                             flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED) give_up("mmap");
        return start;
    }
    uint8_t *start_;
};

::testing::AssertionResult holds(const uint8_t *place, const std::vector<uint8_t> &expected) {
    const auto wrong = std::mismatch(expected.begin(), expected.end(), place);
    if (wrong.first == expected.end()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << "byte " << wrong.first - expected.begin() << " is " << unsigned{*wrong.second};
}

class OnDemand : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("paging on demand");
        if (IsSkipped()) return;
        ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr_), 0);
        ASSERT_TRUE(attr_.odp_caps.general_caps & IBV_ODP_SUPPORT);
    }
    void TearDown() override {
        mr_ = {};
        pair_.reset();
        DeviceTest::TearDown();
    }
    // Both ends, and a region of `range`, which is not mapped.
    void make(ibv_qp_type type = IBV_QPT_RC) {
        PairOptions options;
        options.type = type;
        options.send_ops = IBV_QP_EX_WITH_SEND;
        options.access = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC;
        if (type == IBV_QPT_RC)
            options.send_ops |= IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_READ |
                                IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
        pair_ = std::make_unique<ExtendedPair>(context(), options);
        mr_ = reg_mr(pair().pd(), range.data(), kSize,
                     kOnDemand | (type == IBV_QPT_RC ? IBV_ACCESS_REMOTE_ATOMIC : 0));
    }
    [[nodiscard]] ExtendedPair &pair() { return *pair_; }
    [[nodiscard]] const ibv_odp_caps &caps() const { return attr_.odp_caps; }
    [[nodiscard]] ibv_mr *mr() const { return mr_.get(); }
    // Of the region, and of ordinary memory of either end.
    [[nodiscard]] ibv_sge paged(uint32_t length, size_t offset = 0) const {
        return {range.address(offset), length, mr_->lkey};
    }
    [[nodiscard]] ibv_sge plain(uint32_t length) {
        return {pair().address(pair().from()), length, pair().lkey()};
    }
    void fill(const std::vector<uint8_t> &bytes) { std::ranges::copy(bytes, range.data()); }
    void fill_plain(const std::vector<uint8_t> &bytes) { std::ranges::copy(bytes, pair().from()); }
    void post_recv(ibv_sge sge) {
        ibv_recv_wr wr{};
        wr.wr_id = 2;
        wr.sg_list = &sge;
        wr.num_sge = 1;
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(pair().there(), &wr, &bad), 0);
    }
    [[nodiscard]] Seen send(const ibv_sge &sge) {
        return pair().request([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, sge);
    }
    [[nodiscard]] Seen send_datagram(const ibv_sge &sge) {
        return pair().request(
            [&](ibv_qp_ex *qp) {
                ibv_wr_send(qp);
                ibv_wr_set_ud_addr(qp, pair().address_handle(), pair().there()->qp_num,
                                   pair().qkey());
            },
            sge);
    }
    [[nodiscard]] Seen write(const ibv_sge &sge, uint64_t to, uint32_t rkey) {
        return pair().request([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, rkey, to); }, sge);
    }
    [[nodiscard]] Seen read(const ibv_sge &sge, uint64_t from, uint32_t rkey) {
        return pair().request([&](ibv_qp_ex *qp) { ibv_wr_rdma_read(qp, rkey, from); }, sge);
    }
    [[nodiscard]] uint64_t there() { return pair().address(pair().into()); }

    Range range;

private:
    ibv_device_attr_ex attr_{};
    std::unique_ptr<ExtendedPair> pair_;
    Mr mr_;
};

TEST_F(OnDemand, IsRegisteredWithoutMemory) {
    make();
    EXPECT_EQ(mr()->addr, range.data());
    EXPECT_EQ(mr()->length, kSize);
    range.map();
    EXPECT_EQ(range.resident_pages(), 0u);
}

TEST_F(OnDemand, IsSentFromWhateverIsMappedNow) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        for (const uint32_t seed : {1u, 2u}) {
            range.map();
            const auto bytes = pattern(seed, length);
            fill(bytes);
            pair().post_recv(2, length);
            EXPECT_TRUE(went_well(send(paged(length)), 1, IBV_WC_SEND));
            EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
            EXPECT_TRUE(holds(pair().into(), bytes));
        }
    }
}

TEST_F(OnDemand, IsReceivedIntoWhateverIsMappedNow) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        for (const uint32_t seed : {1u, 2u}) {
            range.map();
            const auto bytes = pattern(seed, length);
            fill_plain(bytes);
            post_recv(paged(length, 100));
            EXPECT_TRUE(went_well(send(plain(length)), 1, IBV_WC_SEND));
            EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
            EXPECT_TRUE(holds(range.data(100), bytes));
        }
    }
}

TEST_F(OnDemand, IsBothEndsOfAMessage) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        range.map();
        const auto bytes = pattern(3, length);
        fill(bytes);
        post_recv(paged(length, kSize / 2));
        EXPECT_TRUE(went_well(send(paged(length)), 1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
        EXPECT_TRUE(holds(range.data(kSize / 2), bytes));
    }
}

TEST_F(OnDemand, IsWrittenByPeersWhateverIsMappedNow) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        for (const uint32_t seed : {1u, 2u}) {
            range.map();
            const auto bytes = pattern(seed, length);
            fill_plain(bytes);
            EXPECT_TRUE(went_well(write(plain(length), range.address(8), mr()->rkey), 1,
                                  IBV_WC_RDMA_WRITE));
            EXPECT_TRUE(holds(range.data(8), bytes));
        }
    }
}

TEST_F(OnDemand, IsReadByPeersWhateverIsMappedNow) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        for (const uint32_t seed : {1u, 2u}) {
            range.map();
            const auto bytes = pattern(seed, length);
            fill(bytes);
            EXPECT_TRUE(
                went_well(read(plain(length), range.address(), mr()->rkey), 1, IBV_WC_RDMA_READ));
            EXPECT_TRUE(holds(pair().from(), bytes));
        }
    }
}

TEST_F(OnDemand, IsWhereWritesComeFromAndReadsGoTo) {
    make();
    for (const uint32_t length : {kShort, kLong}) {
        range.map();
        const auto bytes = pattern(4, length);
        fill(bytes);
        EXPECT_TRUE(went_well(write(paged(length), there(), pair().rkey()), 1, IBV_WC_RDMA_WRITE));
        EXPECT_TRUE(holds(pair().into(), bytes));
        range.map();
        EXPECT_TRUE(went_well(read(paged(length), there(), pair().rkey()), 1, IBV_WC_RDMA_READ));
        EXPECT_TRUE(holds(range.data(), bytes));
    }
}

TEST_F(OnDemand, TakesAtomicOperations) {
    make();
    range.map();
    const auto add = [&](ibv_qp_ex *qp) {
        ibv_wr_atomic_fetch_add(qp, mr()->rkey, range.address(kPage), 5);
    };
    EXPECT_TRUE(went_well(pair().request(add, paged(8)), 1, IBV_WC_FETCH_ADD));
    EXPECT_TRUE(went_well(pair().request(add, paged(8)), 1, IBV_WC_FETCH_ADD));
    uint64_t words[2];
    std::memcpy(&words[0], range.data(), sizeof(uint64_t));
    std::memcpy(&words[1], range.data(kPage), sizeof(uint64_t));
    EXPECT_EQ(words[0], 5u);
    EXPECT_EQ(words[1], 10u);
}

TEST_F(OnDemand, IsSentFromAsDatagrams) {
    if ((caps().per_transport_caps.ud_odp_caps & IBV_ODP_SUPPORT_SEND) == 0)
        GTEST_SKIP() << "not claimed";
    make(IBV_QPT_UD);
    range.map();
    const auto bytes = pattern(5, kShort);
    fill(bytes);
    pair().post_recv(2, 40 + kShort);
    EXPECT_TRUE(went_well(send_datagram(paged(kShort)), 1, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
    EXPECT_TRUE(holds(pair().into(40), bytes));
}

TEST_F(OnDemand, IsReceivedIntoAsDatagrams) {
    if ((caps().per_transport_caps.ud_odp_caps & IBV_ODP_SUPPORT_RECV) == 0)
        GTEST_SKIP() << "not claimed";
    make(IBV_QPT_UD);
    range.map();
    const auto bytes = pattern(5, kShort);
    fill_plain(bytes);
    post_recv(paged(40 + kShort));
    EXPECT_TRUE(went_well(send_datagram(plain(kShort)), 1, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
    EXPECT_TRUE(holds(range.data(40), bytes));
}

// One operation each, on memory that is not mapped.
class OnDemandWithoutMemory : public OnDemand, public ::testing::WithParamInterface<uint32_t> {
protected:
    void make_nothing() {
        make();
        range.take_away();
    }
};
INSTANTIATE_TEST_SUITE_P(Lengths, OnDemandWithoutMemory, ::testing::Values(kShort, kLong));

TEST_P(OnDemandWithoutMemory, FailsASendAtTheSender) {
    make_nothing();
    pair().post_recv(2, GetParam());
    EXPECT_EQ(send(paged(GetParam())).status, IBV_WC_LOC_PROT_ERR);
}

TEST_P(OnDemandWithoutMemory, FailsAReceiveAtTheReceiverAndItsSender) {
    make_nothing();
    post_recv(paged(GetParam()));
    EXPECT_EQ(send(plain(GetParam())).status, IBV_WC_REM_OP_ERR);
    EXPECT_EQ(pair().received_one().status, IBV_WC_LOC_PROT_ERR);
}

TEST_P(OnDemandWithoutMemory, FailsAWriteFromThere) {
    make_nothing();
    EXPECT_EQ(write(paged(GetParam()), there(), pair().rkey()).status, IBV_WC_LOC_PROT_ERR);
}

TEST_P(OnDemandWithoutMemory, FailsAWriteToThere) {
    make_nothing();
    EXPECT_EQ(write(plain(GetParam()), range.address(), mr()->rkey).status, IBV_WC_REM_ACCESS_ERR);
}

TEST_P(OnDemandWithoutMemory, FailsAReadToThere) {
    make_nothing();
    EXPECT_EQ(read(paged(GetParam()), there(), pair().rkey()).status, IBV_WC_LOC_PROT_ERR);
}

TEST_P(OnDemandWithoutMemory, FailsAReadFromThere) {
    make_nothing();
    EXPECT_EQ(read(plain(GetParam()), range.address(), mr()->rkey).status, IBV_WC_REM_ACCESS_ERR);
}

TEST_F(OnDemandWithoutMemory, FailsAnAtomicOperation) {
    make_nothing();
    EXPECT_EQ(
        pair()
            .request(
                [&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, mr()->rkey, range.address(), 1); },
                plain(8))
            .status,
        IBV_WC_REM_ACCESS_ERR);
}

TEST_F(OnDemandWithoutMemory, FailsTheResultOfAnAtomicOperation) {
    make_nothing();
    std::memset(pair().into(), 0, 8);
    const Mr target =
        reg_mr(pair().pd(), pair().into(), 8, kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC);
    EXPECT_EQ(
        pair()
            .request([&](ibv_qp_ex *qp) { ibv_wr_atomic_fetch_add(qp, target->rkey, there(), 1); },
                     paged(8))
            .status,
        IBV_WC_LOC_PROT_ERR);
}

// The region of everything.
class Everything : public OnDemand {
protected:
    void SetUp() override {
        OnDemand::SetUp();
        if (!IsSkipped()) require_feature("a region of everything");
        if (IsSkipped()) return;
        ASSERT_TRUE(caps().general_caps & IBV_ODP_SUPPORT_IMPLICIT);
        make();
        all_ = Mr(ibv_reg_mr(pair().pd(), nullptr, SIZE_MAX, kOnDemand));
        ASSERT_TRUE(all_);
        range.map();
    }
    void TearDown() override {
        all_ = {};
        OnDemand::TearDown();
    }
    [[nodiscard]] ibv_mr *all() const { return all_.get(); }
    [[nodiscard]] ibv_sge anywhere(uint64_t address, uint32_t length) const {
        return {address, length, all_->lkey};
    }

private:
    Mr all_;
};

TEST_F(Everything, IsSentFromAndReceivedInto) {
    for (const uint32_t length : {kShort, kLong}) {
        const auto bytes = pattern(6, length);
        fill_plain(bytes);
        post_recv(anywhere(range.address(12), length));
        EXPECT_TRUE(
            went_well(send(anywhere(pair().address(pair().from()), length)), 1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
        EXPECT_TRUE(holds(range.data(12), bytes));
    }
}

TEST_F(Everything, IsWrittenAndReadByPeers) {
    for (const uint32_t length : {kShort, kLong}) {
        const auto bytes = pattern(7, length);
        fill_plain(bytes);
        EXPECT_TRUE(
            went_well(write(plain(length), range.address(), all()->rkey), 1, IBV_WC_RDMA_WRITE));
        EXPECT_TRUE(holds(range.data(), bytes));
        std::fill_n(pair().from(), length, uint8_t{0});
        EXPECT_TRUE(
            went_well(read(plain(length), range.address(), all()->rkey), 1, IBV_WC_RDMA_READ));
        EXPECT_TRUE(holds(pair().from(), bytes));
    }
}

TEST_F(Everything, HasNoMemoryAtItsBeginning) {
    pair().post_recv(2, 8);
    EXPECT_EQ(send(anywhere(0, 8)).status, IBV_WC_LOC_PROT_ERR);
}

TEST_F(Everything, IsNotRegisteredAnew) {
    EXPECT_NE(ibv_rereg_mr(all(), IBV_REREG_MR_CHANGE_ACCESS, nullptr, nullptr, 0, kOnDemand), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Everything, IsNotOfHugePagesAlone) {
    EXPECT_EQ(ibv_reg_mr(pair().pd(), nullptr, SIZE_MAX, kOnDemand | IBV_ACCESS_HUGETLB), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

class AdviceAboutMemory : public OnDemand {
protected:
    void SetUp() override {
        OnDemand::SetUp();
        if (IsSkipped()) return;
        make();
        range.map();
    }
    int advise(ibv_advise_mr_advice advice, ibv_sge sge,
               uint32_t flags = IBV_ADVISE_MR_FLAG_FLUSH) {
        return ibv_advise_mr(pair().pd(), advice, flags, &sge, 1);
    }
    static constexpr auto kRead = IBV_ADVISE_MR_ADVICE_PREFETCH;
    static constexpr auto kWrite = IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE;
    static constexpr auto kNoFault = IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT;
};

TEST_F(AdviceAboutMemory, BringsPagesInToBeWritten) {
    EXPECT_EQ(advise(kWrite, paged(3 * kPage, kPage)), 0);
    EXPECT_EQ(range.resident_pages(), 3u);
}

TEST_F(AdviceAboutMemory, BringsPagesInToBeRead) {
    const auto bytes = pattern(8, kLong);
    fill(bytes);
    EXPECT_EQ(advise(kRead, paged(kLong)), 0);
    EXPECT_TRUE(holds(range.data(), bytes));
}

TEST_F(AdviceAboutMemory, BringsNothingInThatIsNotThere) {
    EXPECT_EQ(advise(kNoFault, paged(3 * kPage)), 0);
    EXPECT_EQ(range.resident_pages(), 0u);
}

TEST_F(AdviceAboutMemory, IsOfRegionsThatThereAre) {
    ibv_sge sge = paged(8);
    sge.lkey = 0xffffff00;
    EXPECT_EQ(advise(kRead, sge), ENOENT);
}

TEST_F(AdviceAboutMemory, IsOfRegionsThatArePagedOnDemand) {
    EXPECT_EQ(advise(kRead, plain(8)), EINVAL);
}

TEST_F(AdviceAboutMemory, IsOfOneProtectionDomain) {
    const Pd other = alloc_pd(context());
    ibv_sge sge = paged(8);
    EXPECT_EQ(ibv_advise_mr(other.get(), kRead, IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1), EPERM);
}

TEST_F(AdviceAboutMemory, OfWritingNeedsTheRight) {
    const Mr mr = reg_mr(pair().pd(), range.data(), kSize, IBV_ACCESS_ON_DEMAND);
    const ibv_sge sge{range.address(), 8, mr->lkey};
    EXPECT_EQ(advise(kWrite, sge), EPERM);
    EXPECT_EQ(advise(kRead, sge), 0);
}

TEST_F(AdviceAboutMemory, StaysInsideOfTheRegion) {
    EXPECT_EQ(advise(kRead, paged(2 * kPage, kSize - kPage)), EFAULT);
}

TEST_F(AdviceAboutMemory, AboutMemoryThatIsNotMappedFailsForWhoWaits) {
    range.take_away();
    EXPECT_EQ(advise(kRead, paged(kPage)), EFAULT);
    EXPECT_EQ(advise(kWrite, paged(kPage)), EFAULT);
    EXPECT_EQ(advise(kRead, paged(kPage), 0), 0);
}

TEST_F(AdviceAboutMemory, IsRefusedWithTheUnknownOrAboutNothing) {
    ibv_sge sge = paged(8);
    EXPECT_EQ(advise(static_cast<ibv_advise_mr_advice>(3), sge), EOPNOTSUPP);
    EXPECT_EQ(advise(kRead, sge, 2), EINVAL);
    EXPECT_EQ(ibv_advise_mr(pair().pd(), kRead, 0, &sge, 0), EINVAL);
}

}  // namespace
