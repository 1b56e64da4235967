// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Writes of 8 bytes of which nobody sees half (IBTA volume 1, annex A19).
#include "extended_pair.hpp"

#include <atomic>
#include <memory>
#include <thread>

namespace {

using namespace verbs_test;

constexpr uint64_t kOperations =
    IBV_QP_EX_WITH_ATOMIC_WRITE | IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_SEND;

class AtomicWrite : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("atomic writes");
        if (!IsSkipped()) make({.send_ops = kOperations});
    }
    void TearDown() override {
        pair_.reset();
        DeviceTest::TearDown();
    }
    void make(const PairOptions &options) {
        pair_.reset();
        pair_ = std::make_unique<ExtendedPair>(context(), options);
    }
    ExtendedPair &pair() { return *pair_; }
    uint64_t address(size_t offset = 0) { return pair().address(pair().into(offset)); }
    uint64_t at(size_t offset = 0) {
        return std::atomic_ref(*reinterpret_cast<uint64_t *>(pair().into(offset))).load();
    }
    // Built, not posted.
    void begin(uint64_t id, uint64_t value, uint64_t address, uint32_t rkey) {
        ibv_qp_ex *qp = pair().sender();
        qp->wr_id = id;
        qp->wr_flags = IBV_SEND_SIGNALED;
        ibv_wr_atomic_write(qp, rkey, address, &value);
    }
    int write(uint64_t id, uint64_t value, uint64_t address, uint32_t rkey) {
        ibv_wr_start(pair().sender());
        begin(id, value, address, rkey);
        return ibv_wr_complete(pair().sender());
    }
    void expect_written(uint64_t value, size_t offset = 0) {
        ASSERT_EQ(write(1, value, address(offset), pair().rkey()), 0);
        EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_ATOMIC_WRITE));
        EXPECT_EQ(at(offset), value);
    }

private:
    std::unique_ptr<ExtendedPair> pair_;
};

TEST_F(AtomicWrite, IsAdvertised) {
    constexpr uint64_t kAtomicWrite = 1ull << 40;  // no header of rdma-core 44 has a name for it
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    EXPECT_NE(attr.device_cap_flags_ex & kAtomicWrite, 0u);
}

TEST_F(AtomicWrite, PutsEightBytesInPlace) {
    expect_written(0x0102'0304'0506'0708);
    EXPECT_EQ(at(8), 0u);
    expect_written(~uint64_t{0}, 16);
}

TEST_F(AtomicWrite, GoesWithOthersInOrder) {
    ibv_qp_ex *qp = pair().sender();
    pair().from()[0] = 9;
    ibv_wr_start(qp);
    for (uint64_t id = 1; id <= 12; ++id)
        begin(id, id, address(), pair().rkey());
    qp->wr_id = 13;
    ibv_wr_rdma_write(qp, pair().rkey(), address(1024));
    ibv_wr_set_sge(qp, pair().lkey(), pair().address(pair().from()), 8);
    begin(14, 14, address(2048), pair().rkey());
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    const auto done = pair().sent(14);
    for (uint64_t id = 1; id <= 14; ++id)
        EXPECT_TRUE(
            went_well(done[id - 1], id, id == 13 ? IBV_WC_RDMA_WRITE : IBV_WC_ATOMIC_WRITE));
    EXPECT_EQ(at(), 12u);
    EXPECT_EQ(at(2048), 14u);
    EXPECT_EQ(pair().into(1024)[0], 9);
}

TEST_F(AtomicWrite, IsNeverSeenInHalf) {
    std::atomic<bool> ends{false};
    std::atomic<bool> torn{false};
    std::thread reader([&] {
        while (!ends.load()) {
            const uint64_t value = at();
            if (value >> 32 != (value & 0xffff'ffff)) torn.store(true);
        }
    });
    for (uint64_t i = 1; i <= 300; ++i) {
        EXPECT_EQ(write(i, i << 32 | i, address(), pair().rkey()), 0);
        EXPECT_TRUE(went_well(pair().sent_one(), i, IBV_WC_ATOMIC_WRITE));
    }
    ends.store(true);
    reader.join();
    EXPECT_FALSE(torn.load());
}

TEST_F(AtomicWrite, GoesToMemoryThatIsPagedOnDemand) {
    constexpr uint32_t kOnDemandToo = 1u << 7;  // of the caps per transport, without a name as well
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    if ((attr.odp_caps.per_transport_caps.rc_odp_caps & kOnDemandToo) == 0)
        GTEST_SKIP() << "not claimed";
    const Mr paged =
        reg_mr(pair().pd(), pair().into(), 4096,
               IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_ON_DEMAND);
    ASSERT_EQ(write(1, 77, address(8), paged->rkey), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_ATOMIC_WRITE));
    EXPECT_EQ(at(8), 77u);
}

TEST_F(AtomicWrite, IsNotPostedToAnAddressThatIsNotAligned) {
    EXPECT_EQ(write(1, 1, address(4), pair().rkey()), EINVAL);
    expect_written(5);
}

TEST_F(AtomicWrite, ThroughAWrongKeyIsRefused) {
    ASSERT_EQ(write(1, 1, address(), pair().rkey() + 1), 0);
    EXPECT_EQ(pair().sent_one().status, IBV_WC_REM_ACCESS_ERR);
    EXPECT_EQ(at(), 0u);
}

TEST_F(AtomicWrite, NeedsARegionThatPeersMayWrite) {
    make({.send_ops = kOperations,
          .memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_ATOMIC});
    ASSERT_EQ(write(1, 1, address(), pair().rkey()), 0);
    EXPECT_EQ(pair().sent_one().status, IBV_WC_REM_ACCESS_ERR);
    EXPECT_EQ(at(), 0u);
}

TEST_F(AtomicWrite, NeedsNoMoreThanTheRightToWrite) {
    make({.send_ops = kOperations,
          .access = IBV_ACCESS_REMOTE_WRITE,
          .memory_access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE});
    expect_written(77);
}

TEST_F(AtomicWrite, NeedsAQueuePairThatPeersMayWriteThrough) {
    make({.send_ops = kOperations, .access = IBV_ACCESS_REMOTE_READ});
    ASSERT_EQ(write(1, 1, address(), pair().rkey()), 0);
    EXPECT_EQ(pair().sent_one().status, IBV_WC_REM_INV_REQ_ERR);
    EXPECT_EQ(at(), 0u);
}

TEST_F(AtomicWrite, IsNotPostedToAQueuePairThatWasNotMadeForIt) {
    make({.send_ops = IBV_QP_EX_WITH_SEND});
    EXPECT_EQ(pair().sender()->wr_atomic_write, nullptr);
    ibv_sge sge{pair().address(pair().from()), 8, pair().lkey()};
    ibv_send_wr wr{};
    wr.opcode = IBV_WR_ATOMIC_WRITE;
    wr.send_flags = IBV_SEND_INLINE;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.wr.rdma = {address(), pair().rkey()};
    ibv_send_wr *bad = nullptr;
    EXPECT_NE(ibv_post_send(pair().here(), &wr, &bad), 0);
    EXPECT_EQ(bad, &wr);
}

}  // namespace
