// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The region without memory: ibv_alloc_null_mr(3). Messages are of both kinds of length: those that
// go along in a queue, and those that are fetched.
#include "extended_pair.hpp"

#include <algorithm>
#include <memory>

namespace {

using namespace verbs_test;

constexpr uint32_t kShort = 64;
constexpr uint32_t kLong = 20'000;
constexpr size_t kOfReads = ExtendedPair::kRegion / 2;

class RegionWithoutMemory : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("regions without memory");
        if (IsSkipped()) return;
        pair_ = std::make_unique<ExtendedPair>(
            context(), PairOptions{.send_ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE |
                                               IBV_QP_EX_WITH_RDMA_READ});
        null_ = Mr(ibv_alloc_null_mr(pair_->pd()));
        ASSERT_TRUE(null_);
        std::fill_n(pair().from(), kOfReads, uint8_t{0x11});
        std::fill_n(pair().into(), kOfReads, uint8_t{0x22});
    }
    void TearDown() override {
        null_ = {};
        pair_.reset();
        DeviceTest::TearDown();
    }
    ExtendedPair &pair() { return *pair_; }
    // Any address will do.
    [[nodiscard]] ibv_sge nothing(uint32_t length, uint64_t address = 0xdead'beef'0000) const {
        return {address, length, null_->lkey};
    }
    ibv_sge here(size_t offset, uint32_t length) {
        return {pair().address(pair().from(offset)), length, pair().lkey()};
    }
    ibv_sge there(size_t offset, uint32_t length) {
        return {pair().address(pair().into(offset)), length, pair().lkey()};
    }
    void post_recv(const std::vector<ibv_sge> &pieces) {
        std::vector<ibv_sge> list = pieces;
        ibv_recv_wr wr{};
        wr.wr_id = 2;
        wr.sg_list = list.data();
        wr.num_sge = static_cast<int>(list.size());
        ibv_recv_wr *bad = nullptr;
        ASSERT_EQ(ibv_post_recv(pair().there(), &wr, &bad), 0);
    }
    // `begin` names the operation.
    template <class Begin>
    void post(Begin &&begin, const std::vector<ibv_sge> &pieces) {
        ibv_qp_ex *qp = pair().sender();
        ibv_wr_start(qp);
        qp->wr_id = 1;
        qp->wr_flags = IBV_SEND_SIGNALED;
        begin(qp);
        ibv_wr_set_sge_list(qp, pieces.size(), pieces.data());
        ASSERT_EQ(ibv_wr_complete(qp), 0);
    }
    void send(const std::vector<ibv_sge> &pieces) {
        post([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, pieces);
        EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_SEND));
        EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
    }
    void write(const std::vector<ibv_sge> &pieces) {
        post(
            [&](ibv_qp_ex *qp) {
                ibv_wr_rdma_write(qp, pair().rkey(), pair().address(pair().into()));
            },
            pieces);
        EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    }
    void read(const std::vector<ibv_sge> &pieces) {
        post(
            [&](ibv_qp_ex *qp) {
                ibv_wr_rdma_read(qp, pair().rkey(), pair().address(pair().into()));
            },
            pieces);
        EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_READ));
    }
    // Whether all these bytes, from the place on, have one value.
    static ::testing::AssertionResult all_are(const uint8_t *place, size_t length, uint8_t value) {
        const auto *end = place + length;
        const auto *other = std::find_if(place, end, [&](uint8_t byte) { return byte != value; });
        if (other == end) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << "byte " << other - place << " is "
                                             << unsigned{*other} << ", not " << unsigned{value};
    }

private:
    std::unique_ptr<ExtendedPair> pair_;
    Mr null_;
};

TEST_F(RegionWithoutMemory, SendsZeros) {
    for (const uint32_t length : {kShort, kLong}) {
        std::fill_n(pair().into(), kOfReads, uint8_t{0x22});
        post_recv({there(0, length + 100)});
        send({nothing(length)});
        EXPECT_TRUE(all_are(pair().into(), length, 0));
        EXPECT_TRUE(all_are(pair().into(length), 100, 0x22));
    }
}

TEST_F(RegionWithoutMemory, SendsZerosBetweenData) {
    for (const uint32_t length : {kShort, kLong / 4}) {
        post_recv({there(0, 4 * length)});
        send({here(0, length), nothing(length), here(length, length), nothing(length, 0)});
        EXPECT_TRUE(all_are(pair().into(0), length, 0x11));
        EXPECT_TRUE(all_are(pair().into(length), length, 0));
        EXPECT_TRUE(all_are(pair().into(2 * length), length, 0x11));
        EXPECT_TRUE(all_are(pair().into(3 * length), length, 0));
    }
}

TEST_F(RegionWithoutMemory, DropsWhatItReceives) {
    for (const uint32_t length : {kShort, kLong}) {
        post_recv({nothing(length)});
        send({here(0, length)});
        EXPECT_TRUE(all_are(pair().into(), kOfReads, 0x22));
        // And still gives zeros.
        post_recv({there(0, length)});
        send({nothing(length)});
        EXPECT_TRUE(all_are(pair().into(), length, 0));
        std::fill_n(pair().into(), kOfReads, uint8_t{0x22});
    }
}

TEST_F(RegionWithoutMemory, DropsAPartOfWhatItReceives) {
    for (const uint32_t length : {kShort, kLong}) {
        std::fill_n(pair().into(), kOfReads, uint8_t{0x22});
        for (size_t i = 0; i < length; ++i)
            pair().from()[i] = static_cast<uint8_t>(i % 251);
        const uint32_t part = length / 4;
        // Pieces that do not end where those of the sender do.
        post_recv({there(0, part), nothing(part), there(part, part), nothing(part)});
        send({here(0, part - 3), here(part - 3, 2 * part), here(3 * part - 3, part + 3)});
        EXPECT_TRUE(std::equal(pair().into(), pair().into(part), pair().from()));
        EXPECT_TRUE(std::equal(pair().into(part), pair().into(2 * part), pair().from(2 * part)));
        EXPECT_TRUE(all_are(pair().into(2 * part), part, 0x22));
    }
}

TEST_F(RegionWithoutMemory, WritesZeros) {
    for (const uint32_t length : {8u, kShort, kLong}) {
        std::fill_n(pair().into(), kOfReads, uint8_t{0x22});
        write({here(0, 8), nothing(length)});
        EXPECT_TRUE(all_are(pair().into(0), 8, 0x11));
        EXPECT_TRUE(all_are(pair().into(8), length, 0));
        EXPECT_TRUE(all_are(pair().into(8 + length), 100, 0x22));
    }
}

TEST_F(RegionWithoutMemory, DropsWhatItReads) {
    for (const uint32_t length : {kShort, kLong}) {
        std::fill_n(pair().from(), kOfReads, uint8_t{0x11});
        read({here(0, length / 2), nothing(length / 2)});
        EXPECT_TRUE(all_are(pair().from(0), length / 2, 0x22));
        EXPECT_TRUE(all_are(pair().from(length / 2), length / 2, 0x11));
    }
}

TEST_F(RegionWithoutMemory, IsNotForPeers) {
    post([&](ibv_qp_ex *qp) { ibv_wr_rdma_write(qp, nothing(1).lkey, 0); }, {here(0, 8)});
    EXPECT_EQ(pair().sent_one().status, IBV_WC_REM_ACCESS_ERR);
}

TEST_F(RegionWithoutMemory, IsOfOneProtectionDomain) {
    const Pd other = alloc_pd(context());
    const Mr foreign(ibv_alloc_null_mr(other.get()));
    ASSERT_TRUE(foreign);
    EXPECT_EQ(ibv_dealloc_pd(other.get()), EBUSY);
    post([](ibv_qp_ex *qp) { ibv_wr_send(qp); }, {{0, 8, foreign->lkey}});
    EXPECT_EQ(pair().sent_one().status, IBV_WC_LOC_PROT_ERR);
}

TEST_F(RegionWithoutMemory, IsNotRegisteredAnew) {
    const Mr mr(ibv_alloc_null_mr(pair().pd()));
    ASSERT_TRUE(mr);
    EXPECT_NE(
        ibv_rereg_mr(mr.get(), IBV_REREG_MR_CHANGE_TRANSLATION, nullptr, pair().from(), 64, 0), 0);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

}  // namespace
