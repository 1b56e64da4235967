// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Requests that are built by calls: ibv_wr_post(3). Each goes over a reliable connection of one
// context, since how data travels is tested with the plain calls.
#include "extended_pair.hpp"

#include <arpa/inet.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>

namespace {

using namespace verbs_test;

constexpr uint64_t kEveryRcOperation =
    IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_RDMA_WRITE |
    IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ;
constexpr uint64_t kAtomics =
    IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;

class BuiltRequest : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        make({.send_ops = kEveryRcOperation});
    }
    void TearDown() override {
        pair_.reset();
        DeviceTest::TearDown();
    }
    void make(const PairOptions &options) {
        pair_.reset();
        pair_ = std::make_unique<ExtendedPair>(context(), options);
        qp = pair_->sender();
        ASSERT_NE(qp, nullptr);
        for (size_t i = 0; i < ExtendedPair::kRegion / 2; ++i)
            pair().from()[i] = static_cast<uint8_t>(i * 7 + 1);
    }
    ExtendedPair &pair() { return *pair_; }
    void begin(uint64_t id, unsigned flags = IBV_SEND_SIGNALED) {
        ibv_wr_start(qp);
        next(id, flags);
    }
    void next(uint64_t id, unsigned flags = IBV_SEND_SIGNALED) const {
        qp->wr_id = id;
        qp->wr_flags = flags;
    }
    void set_sge(uint32_t length, size_t offset = 0) {
        ibv_wr_set_sge(qp, pair().lkey(), pair().address(pair().from(offset)), length);
    }
    [[nodiscard]] uint64_t remote(size_t offset = 0) { return pair().address(pair().into(offset)); }
    void expect_arrived(size_t length, size_t offset = 0) {
        EXPECT_EQ(std::memcmp(pair().into(offset), pair().from(offset), length), 0);
    }
    bool nothing_is_sent() {
        ibv_poll_cq_attr attr{};
        return ibv_start_poll(pair().sent(), &attr) == ENOENT;
    }

    ibv_qp_ex *qp = nullptr;

private:
    std::unique_ptr<ExtendedPair> pair_;
};

TEST_F(BuiltRequest, Sends) {
    pair().post_recv(2, 100);
    begin(1);
    ibv_wr_send(qp);
    set_sge(100);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
    expect_arrived(100);
}

TEST_F(BuiltRequest, WritesWithAndWithoutImmediateData) {
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    set_sge(64);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    expect_arrived(64);
    pair().post_recv(3, 8);
    begin(2);
    ibv_wr_rdma_write_imm(qp, pair().rkey(), remote(128), htonl(77));
    set_sge(64, 128);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 2, IBV_WC_RDMA_WRITE));
    const Seen seen = pair().received_one();
    EXPECT_TRUE(went_well(seen, 3, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_EQ(seen.imm, 77u);
    expect_arrived(64, 128);
}

TEST_F(BuiltRequest, Reads) {
    std::memset(pair().into(), 0x5a, 64);
    begin(1);
    ibv_wr_rdma_read(qp, pair().rkey(), remote());
    set_sge(64);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_READ));
    expect_arrived(64);
}

TEST_F(BuiltRequest, GathersPieces) {
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    const ibv_sge pieces[] = {
        {pair().address(pair().from(0)), 10, pair().lkey()},
        {pair().address(pair().from(10)), 0, pair().lkey()},
        {pair().address(pair().from(10)), 20, pair().lkey()},
    };
    ibv_wr_set_sge_list(qp, 3, pieces);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    expect_arrived(30);
}

TEST_F(BuiltRequest, CopiesInlineDataAtOnce) {
    char text[] = "a word of one's own";
    begin(1, IBV_SEND_SIGNALED | IBV_SEND_INLINE);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    ibv_wr_set_inline_data(qp, text, sizeof text);
    std::memset(text, 0, sizeof text);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_STREQ(reinterpret_cast<const char *>(pair().into()), "a word of one's own");
}

TEST_F(BuiltRequest, JoinsInlineDataOfSeveralPlaces) {
    char first[] = "in two ";
    char second[] = "parts";
    begin(1, IBV_SEND_SIGNALED | IBV_SEND_INLINE);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    const ibv_data_buf pieces[] = {{first, sizeof first - 1}, {second, sizeof second}};
    ibv_wr_set_inline_data_list(qp, 2, pieces);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_STREQ(reinterpret_cast<const char *>(pair().into()), "in two parts");
}

TEST_F(BuiltRequest, GoesWithOthersInOneBatchInOrder) {
    pair().post_recv(10, 64);
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote(1000));
    set_sge(50, 1000);
    next(2, 0);  // unsignaled
    ibv_wr_rdma_write(qp, pair().rkey(), remote(2000));
    set_sge(50, 2000);
    next(3);
    ibv_wr_send_imm(qp, htonl(3));
    set_sge(8);
    EXPECT_TRUE(nothing_is_sent());
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    const auto sent = pair().sent(2);
    EXPECT_TRUE(went_well(sent[0], 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(went_well(sent[1], 3, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 10, IBV_WC_RECV));
    expect_arrived(50, 1000);
    expect_arrived(50, 2000);
}

TEST_F(BuiltRequest, VanishesWhenTheBatchIsAborted) {
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    set_sge(64);
    ibv_wr_abort(qp);
    EXPECT_TRUE(nothing_is_sent());
    begin(2);
    ibv_wr_rdma_write(qp, pair().rkey(), remote(64));
    set_sge(64, 64);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 2, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(nothing_is_sent());
    EXPECT_EQ(pair().into()[0], 0);
    expect_arrived(64, 64);
}

TEST_F(BuiltRequest, IsRefusedWithItsBatchWhenTheQueueIsFull) {
    const uint32_t room = pair().cap().max_send_wr;
    ibv_wr_start(qp);
    for (uint32_t i = 0; i <= room; ++i) {
        next(i);
        ibv_wr_rdma_write(qp, pair().rkey(), remote());
        set_sge(8);
    }
    EXPECT_EQ(ibv_wr_complete(qp), ENOMEM);
    EXPECT_TRUE(nothing_is_sent());
    // The queue is as empty as it was.
    ibv_wr_start(qp);
    for (uint32_t i = 0; i < room; ++i) {
        next(i);
        ibv_wr_rdma_write(qp, pair().rkey(), remote());
        set_sge(8);
    }
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_EQ(pair().sent(room).back().id, room - 1);
}

TEST_F(BuiltRequest, IsRefusedWithItsBatchWhenInlineDataIsTooLong) {
    const std::string text(pair().cap().max_inline_data + 1, 'x');
    begin(1, IBV_SEND_SIGNALED | IBV_SEND_INLINE);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    ibv_wr_set_inline_data(qp, const_cast<char *>(text.data()), text.size());
    const int code = ibv_wr_complete(qp);
    EXPECT_TRUE(code == ENOMEM || code == EINVAL) << code;
    EXPECT_TRUE(nothing_is_sent());
}

TEST_F(BuiltRequest, GoesAlongWithPlainOnes) {
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    set_sge(32);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    ibv_sge sge{pair().address(pair().from(32)), 32, pair().lkey()};
    ibv_send_wr wr{};
    wr.wr_id = 2;
    wr.sg_list = &sge;
    wr.num_sge = 1;
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma.remote_addr = remote(32);
    wr.wr.rdma.rkey = pair().rkey();
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_send(pair().here(), &wr, &bad), 0);
    const auto sent = pair().sent(2);
    EXPECT_TRUE(went_well(sent[0], 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(went_well(sent[1], 2, IBV_WC_RDMA_WRITE));
    expect_arrived(64);
}

TEST_F(BuiltRequest, IsForAQueuePairThatWasMadeForIt) {
    EXPECT_EQ(ibv_qp_to_qp_ex(pair().here()), qp);
    EXPECT_EQ(ibv_qp_to_qp_ex(pair().there()), nullptr);
}

TEST_F(BuiltRequest, ChangesAWordAtomically) {
    require_feature("atomics");
    if (IsSkipped()) return;
    make({.send_ops = kEveryRcOperation | kAtomics,
          .access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
          .memory_access = kEveryAccess | IBV_ACCESS_REMOTE_ATOMIC});
    // Changed by a peer's atomics, read by one of ours.
    const std::atomic_ref<uint64_t> word(*reinterpret_cast<uint64_t *>(pair().into()));
    auto *const found = reinterpret_cast<uint64_t *>(pair().from());
    word = 40;
    begin(1);
    ibv_wr_atomic_fetch_add(qp, pair().rkey(), remote(), 2);
    set_sge(8);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_FETCH_ADD));
    EXPECT_EQ(word.load(), 42u);
    EXPECT_EQ(*found, 40u);
    begin(2);
    ibv_wr_atomic_cmp_swp(qp, pair().rkey(), remote(), 42, 7);
    set_sge(8);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 2, IBV_WC_COMP_SWAP));
    EXPECT_EQ(word.load(), 7u);
    EXPECT_EQ(*found, 42u);
}

TEST_F(BuiltRequest, WritesOverAnUnreliableConnection) {
    require_feature("uc");
    if (IsSkipped()) return;
    make({.type = IBV_QPT_UC,
          .send_ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE,
          .access = IBV_ACCESS_REMOTE_WRITE});
    begin(1);
    ibv_wr_rdma_write(qp, pair().rkey(), remote());
    set_sge(16);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(eventually([&] { return pair().into()[15] == pair().from()[15]; }));
}

class BuiltDatagram : public BuiltRequest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        make({.type = IBV_QPT_UD, .send_ops = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM});
    }
};

TEST_F(BuiltDatagram, GoesWhereItIsAddressed) {
    pair().post_recv(2, 200);
    begin(1);
    ibv_wr_send_imm(qp, htonl(5));
    ibv_wr_set_ud_addr(qp, pair().address_handle(), pair().there()->qp_num, pair().qkey());
    set_sge(100);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_SEND));
    const Seen seen = pair().received_one();
    EXPECT_TRUE(went_well(seen, 2, IBV_WC_RECV));
    EXPECT_EQ(seen.imm, 5u);
    EXPECT_EQ(std::memcmp(pair().into(40), pair().from(), 100), 0);
}

TEST_F(BuiltDatagram, TakesItsPartsInAnyOrder) {
    pair().post_recv(2, 200);
    begin(1);
    ibv_wr_send(qp);
    set_sge(100);
    ibv_wr_set_ud_addr(qp, pair().address_handle(), pair().there()->qp_num, pair().qkey());
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(went_well(pair().sent_one(), 1, IBV_WC_SEND));
    EXPECT_TRUE(went_well(pair().received_one(), 2, IBV_WC_RECV));
}

class ExtendedQueuePair : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        pd_ = alloc_pd(context());
        cq_ = create_cq(context());
        attr.send_cq = attr.recv_cq = cq_.get();
        attr.cap = {8, 8, 1, 1, 0};
        attr.qp_type = IBV_QPT_RC;
        attr.pd = pd_.get();
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.send_ops_flags = IBV_QP_EX_WITH_SEND;
    }
    void TearDown() override {
        cq_ = {};
        pd_ = {};
        DeviceTest::TearDown();
    }
    void expect_refused() {
        errno = 0;
        const Qp qp(ibv_create_qp_ex(context(), &attr));
        EXPECT_FALSE(qp);
        EXPECT_TRUE(errno == EOPNOTSUPP || errno == EINVAL) << errno;
    }

    ibv_qp_init_attr_ex attr{};

private:
    Pd pd_;
    Cq cq_;
};

TEST_F(ExtendedQueuePair, IsAsLargeAsWasAskedFor) {
    const Qp qp(ibv_create_qp_ex(context(), &attr));
    ASSERT_TRUE(qp) << errno;
    EXPECT_GE(attr.cap.max_send_wr, 8u);
    EXPECT_EQ(qp->qp_type, IBV_QPT_RC);
    EXPECT_EQ(qp->pd, attr.pd);
    EXPECT_EQ(state_of(qp.get()), IBV_QPS_RESET);
}

TEST_F(ExtendedQueuePair, IsRefusedWithAnOperationThatItsTypeCannotDo) {
    attr.qp_type = IBV_QPT_UD;
    attr.send_ops_flags = IBV_QP_EX_WITH_RDMA_READ;
    expect_refused();
    attr.qp_type = IBV_QPT_UC;
    expect_refused();
}

TEST_F(ExtendedQueuePair, IsRefusedWithAnOperationThatNoDeviceKnows) {
    attr.send_ops_flags = 1ull << 50;
    expect_refused();
}

TEST_F(ExtendedQueuePair, IsRefusedWithACreationFlagThatNoDeviceKnows) {
    attr.comp_mask |= IBV_QP_INIT_ATTR_CREATE_FLAGS;
    attr.create_flags = 1u << 30;
    expect_refused();
}

TEST_F(ExtendedQueuePair, WithoutOperationsIsAPlainOne) {
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    const Qp qp(ibv_create_qp_ex(context(), &attr));
    ASSERT_TRUE(qp) << errno;
    EXPECT_EQ(ibv_qp_to_qp_ex(qp.get()), nullptr);
}

}  // namespace
