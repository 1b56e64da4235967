// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loopback.hpp"
#include "support/array_memory.hpp"

#include <array>
#include <string>

namespace soft_test {
namespace {

constexpr uint64_t kDatagramOps = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM;
constexpr uint64_t kRcOps = kDatagramOps | IBV_QP_EX_WITH_RDMA_WRITE |
                            IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ |
                            IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
constexpr uint32_t kQkey = 0x1234;

class SoftQpEx : public Loopback {
protected:
    void make(ibv_qp_type type, uint64_t ops) {
        cq_ = create_cq(IBV_WC_STANDARD_FLAGS);
        a_ = create_qp(cq_, type, ops);
        b_ = create_qp(cq_, type, ops);
        if (type == IBV_QPT_UD) {
            ready(a_, kQkey);
            ready(b_, kQkey);
        } else {
            connect(a_, b_->qp_base.qp_num);
            connect(b_, a_->qp_base.qp_num);
        }
        a_->wr_flags = IBV_SEND_SIGNALED;
    }
    ibv_sge piece(std::size_t at, uint32_t length) {
        return {reinterpret_cast<uintptr_t>(&memory_[at]), length, mr_->lkey};
    }
    uint64_t address(std::size_t at) { return reinterpret_cast<uintptr_t>(&memory_[at]); }
    // The next completion is a success of that request.
    void expect(uint64_t wr_id, ibv_wc_opcode opcode) {
        wait(cq_);
        EXPECT_EQ(cq_->wr_id, wr_id);
        EXPECT_EQ(cq_->status, IBV_WC_SUCCESS);
        EXPECT_EQ(cq_->read_opcode(cq_), opcode);
        cq_->end_poll(cq_);
    }
    void expect_nothing() {
        ibv_wc wc{};
        EXPECT_EQ(context_.ops.poll_cq(reinterpret_cast<ibv_cq *>(cq_), 1, &wc), 0) << wc.wr_id;
    }

    alignas(8) std::array<char, 8192> memory_{};
    ibv_mr *mr_ = reg(memory_.data(), memory_.size());
    ibv_cq_ex *cq_ = nullptr;
    ibv_qp_ex *a_ = nullptr;
    ibv_qp_ex *b_ = nullptr;
};

TEST_F(SoftQpEx, CarriesOutEveryOperation) {
    make(IBV_QPT_RC, kRcOps);
    memory_[0] = 'r';
    a_->wr_start(a_);
    a_->wr_id = 1;
    a_->wr_rdma_read(a_, mr_->rkey, address(0));
    a_->wr_set_sge(a_, mr_->lkey, address(100), 1);
    a_->wr_id = 2;
    a_->wr_atomic_fetch_add(a_, mr_->rkey, address(200), 5);
    a_->wr_set_sge(a_, mr_->lkey, address(208), 8);
    a_->wr_id = 3;
    a_->wr_atomic_cmp_swp(a_, mr_->rkey, address(200), 5, 6);
    a_->wr_set_sge(a_, mr_->lkey, address(216), 8);
    a_->wr_id = 4;
    a_->wr_rdma_write(a_, mr_->rkey, address(300));
    std::string text = "ab";
    a_->wr_set_inline_data(a_, text.data(), text.size());
    text = "--";
    ASSERT_EQ(a_->wr_complete(a_), 0);
    expect(1, IBV_WC_RDMA_READ);
    expect(2, IBV_WC_FETCH_ADD);
    expect(3, IBV_WC_COMP_SWAP);
    expect(4, IBV_WC_RDMA_WRITE);
    EXPECT_EQ(memory_[100], 'r');
    EXPECT_EQ(memory_[200], 6);
    EXPECT_EQ(memory_[216], 5);
    EXPECT_EQ(std::string(&memory_[300], 2), "ab");
}

TEST_F(SoftQpEx, SendsMessagesOfSeveralPiecesAndWithImmediateData) {
    make(IBV_QPT_RC, kRcOps);
    post_recv(b_, 10, piece(0, 100));
    post_recv(b_, 11, piece(100, 0));
    std::memcpy(&memory_[1000], "abcdef", 6);
    const std::array<ibv_sge, 2> list{piece(1003, 3), piece(1000, 3)};
    a_->wr_flags = 0;
    a_->wr_start(a_);
    a_->wr_send_imm(a_, 0x11223344);
    a_->wr_set_sge_list(a_, list.size(), list.data());
    a_->wr_rdma_write_imm(a_, mr_->rkey, address(500), 0x55);
    a_->wr_set_sge(a_, mr_->lkey, address(1000), 6);
    ASSERT_EQ(a_->wr_complete(a_), 0);
    wait(cq_);
    EXPECT_EQ(cq_->wr_id, 10u);
    EXPECT_EQ(cq_->read_byte_len(cq_), 6u);
    EXPECT_EQ(cq_->read_imm_data(cq_), 0x11223344u);
    EXPECT_EQ(cq_->read_qp_num(cq_), b_->qp_base.qp_num);
    cq_->end_poll(cq_);
    EXPECT_EQ(std::string(memory_.data(), 6), "defabc");
    expect(11, IBV_WC_RECV_RDMA_WITH_IMM);
    EXPECT_EQ(std::string(&memory_[500], 6), "abcdef");
}

TEST_F(SoftQpEx, SendsDatagrams) {
    make(IBV_QPT_UD, kDatagramOps);
    auto way_there = way();
    const auto ah = device_->create_ah(pd_, &way_there);
    ASSERT_TRUE(ah) << ah.error().phrase;
    post_recv(b_, 10, piece(0, 200));
    post_recv(b_, 11, piece(200, 200));
    a_->wr_flags = 0;
    a_->wr_start(a_);
    a_->wr_send(a_);
    a_->wr_set_ud_addr(a_, *ah, b_->qp_base.qp_num, kQkey);
    a_->wr_set_inline_data(a_, const_cast<char *>("one"), 3);
    a_->wr_send(a_);
    a_->wr_set_inline_data(a_, const_cast<char *>("two"), 3);
    a_->wr_set_ud_addr(a_, *ah, b_->qp_base.qp_num, kQkey);
    ASSERT_EQ(a_->wr_complete(a_), 0);
    wait(cq_);
    EXPECT_EQ(cq_->wr_id, 10u);
    EXPECT_EQ(cq_->read_src_qp(cq_), a_->qp_base.qp_num);
    EXPECT_EQ(std::string(&memory_[40], 3), "one");
    cq_->end_poll(cq_);
    expect(11, IBV_WC_RECV);
    EXPECT_EQ(std::string(&memory_[240], 3), "two");
}

TEST_F(SoftQpEx, PostsNoDatagramWhenOneOfThemHasNoAddress) {
    make(IBV_QPT_UD, kDatagramOps);
    auto way_there = way();
    const auto ah = device_->create_ah(pd_, &way_there);
    ASSERT_TRUE(ah) << ah.error().phrase;
    a_->wr_start(a_);
    a_->wr_send(a_);
    a_->wr_set_ud_addr(a_, *ah, b_->qp_base.qp_num, kQkey);
    a_->wr_send(a_);
    EXPECT_EQ(a_->wr_complete(a_), EINVAL);
    expect_nothing();
}

TEST_F(SoftQpEx, PostsNothingOfABatchThatIsRefused) {
    make(IBV_QPT_RC, kRcOps);
    a_->wr_start(a_);
    a_->wr_rdma_write(a_, mr_->rkey, address(0));
    a_->wr_set_inline_data(a_, const_cast<char *>("ab"), 2);
    a_->wr_send(a_);
    a_->wr_set_sge(a_, mr_->lkey, address(0), UINT32_MAX);
    EXPECT_EQ(a_->wr_complete(a_), EMSGSIZE);
    expect_nothing();
    EXPECT_EQ(memory_[0], 0);
}

TEST_F(SoftQpEx, PostsNothingOfABatchThatDoesNotFit) {
    make(IBV_QPT_RC, kRcOps);
    // Sends wait for receives that nobody posts.
    const auto send = [&](int count) {
        a_->wr_start(a_);
        for (int i = 0; i < count; ++i) {
            a_->wr_id = static_cast<uint64_t>(i);
            a_->wr_send(a_);
        }
        return a_->wr_complete(a_);
    };
    ASSERT_EQ(send(6), 0);
    EXPECT_EQ(send(3), ENOMEM);
    EXPECT_EQ(send(2), 0);
    EXPECT_EQ(send(1), ENOMEM);
}

TEST_F(SoftQpEx, TakesRequestsOfBothKindsInTurn) {
    make(IBV_QPT_RC, kRcOps);
    a_->wr_start(a_);
    a_->wr_id = 1;
    a_->wr_rdma_write(a_, mr_->rkey, address(0));
    ibv_send_wr wr{};
    wr.wr_id = 2;
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.wr.rdma = {address(0), mr_->rkey};
    ibv_send_wr *bad = nullptr;
    EXPECT_EQ(context_.ops.post_send(&a_->qp_base, &wr, &bad), 0);
    EXPECT_EQ(a_->wr_complete(a_), 0);
    expect(2, IBV_WC_RDMA_WRITE);
    expect(1, IBV_WC_RDMA_WRITE);
}

TEST_F(SoftQpEx, RefusesRequestsBeforeItIsReady) {
    ibv_cq_ex *cq = create_cq(0);
    ibv_qp_ex *qp = create_qp(cq, IBV_QPT_RC, kRcOps);
    qp->wr_start(qp);
    qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
    qp->wr_start(qp);
    qp->wr_send(qp);
    qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), EINVAL);
}

TEST_F(SoftQpEx, HasAFaceOnlyIfItWasMadeForIt) {
    ibv_cq_ex *cq = create_cq(0);
    auto attr = request(cq, IBV_QPT_RC, 0);
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    const auto qp = device_->create_qp_ex(&attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(soft::Device::qp_to_qp_ex(*qp), nullptr);
    EXPECT_TRUE(device_->destroy_qp(*qp));
    EXPECT_TRUE(device_->destroy_cq(reinterpret_cast<ibv_cq *>(cq)));
}

TEST_F(SoftQpEx, RefusesOperationsThatItLacks) {
    ibv_cq_ex *cq = create_cq(0);
    auto segments = request(cq, IBV_QPT_RC, IBV_QP_EX_WITH_TSO);
    EXPECT_EQ(device_->create_qp_ex(&segments).error().code, EOPNOTSUPP);
    for (const uint64_t ops :
         {uint64_t{IBV_QP_EX_WITH_RDMA_READ}, uint64_t{IBV_QP_EX_WITH_SEND_WITH_INV},
          uint64_t{IBV_QP_EX_WITH_ATOMIC_WRITE}, uint64_t{IBV_QP_EX_WITH_FLUSH}}) {
        auto attr = request(cq, IBV_QPT_UC, ops);
        EXPECT_EQ(device_->create_qp_ex(&attr).error().code, EOPNOTSUPP) << ops;
    }
}

TEST_F(SoftQpEx, IsGivenBackWhenThereIsNoMemoryToBuildRequestsIn) {
    if (!verbs_test::can_refuse_arrays()) GTEST_SKIP() << "new[] is not this program's";
    ibv_cq_ex *cq = create_cq(0);
    auto attr = request(cq, IBV_QPT_RC, kRcOps);
    {
        const verbs_test::NoArrayMemory none;
        EXPECT_EQ(device_->create_qp_ex(&attr).error().code, ENOMEM);
    }
    EXPECT_TRUE(device_->destroy_cq(reinterpret_cast<ibv_cq *>(cq))) << "still in use";
}

TEST_F(SoftQpEx, HasRoomForTheValueOfAnAtomicWrite) {
    ibv_cq_ex *cq = create_cq(0);
    auto attr = request(cq, IBV_QPT_RC, IBV_QP_EX_WITH_ATOMIC_WRITE);
    attr.cap.max_inline_data = 0;
    ASSERT_TRUE(device_->create_qp_ex(&attr));
    EXPECT_GE(attr.cap.max_inline_data, 8u);
}

// By a list of requests the value may be anywhere.
TEST_F(SoftQpEx, WritesAtomicallyWhatLiesInPieces) {
    make(IBV_QPT_RC, IBV_QP_EX_WITH_ATOMIC_WRITE);
    std::memcpy(&memory_[100], "abcdefgh", 8);
    std::array<ibv_sge, 2> list{piece(104, 4), piece(100, 4)};
    ibv_send_wr wr{};
    wr.wr_id = 1;
    wr.opcode = IBV_WR_ATOMIC_WRITE;
    wr.send_flags = IBV_SEND_SIGNALED;
    wr.sg_list = list.data();
    wr.num_sge = 2;
    wr.wr.rdma = {address(16), mr_->rkey};
    ibv_send_wr *bad = nullptr;
    ASSERT_EQ(context_.ops.post_send(&a_->qp_base, &wr, &bad), 0);
    expect(1, IBV_WC_ATOMIC_WRITE);
    EXPECT_EQ(std::string(&memory_[16], 8), "efghabcd");
    wr.num_sge = 1;
    EXPECT_EQ(context_.ops.post_send(&a_->qp_base, &wr, &bad), EINVAL) << "4 bytes";
    list[0].length = 8;
    list[0].lkey = 0;
    ASSERT_EQ(context_.ops.post_send(&a_->qp_base, &wr, &bad), 0);
    wait(cq_);
    EXPECT_EQ(cq_->status, IBV_WC_LOC_PROT_ERR);
    cq_->end_poll(cq_);
}

TEST_F(SoftQpEx, GrantsWhatAPlainOneIsGranted) {
    ibv_cq_ex *cq = create_cq(0);
    auto attr = request(cq, IBV_QPT_RC, kRcOps);
    attr.cap.max_send_sge = 0;
    ASSERT_TRUE(device_->create_qp_ex(&attr));
    EXPECT_EQ(attr.cap.max_send_sge, 1u);
}

}  // namespace
}  // namespace soft_test
