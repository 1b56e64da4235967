// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

class RxeQpEx : public FakeRxe {
protected:
    ibv_qp_init_attr_ex request(ibv_qp_type type, std::uint64_t ops) {
        const auto front = qp_request(cq_, type);
        ibv_qp_init_attr_ex attr{};
        attr.send_cq = front.send_cq;
        attr.recv_cq = front.recv_cq;
        attr.qp_type = type;
        attr.cap = front.cap;
        attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;
        attr.pd = &pd_;
        attr.send_ops_flags = ops;
        return attr;
    }
    ibv_cq *cq_ = create_cq();
};

TEST_F(RxeQpEx, FillsTheDriversQueue) {
    auto attr = request(IBV_QPT_RC, IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_LOCAL_INV);
    const auto made = device_->create_qp_ex(&attr);
    ASSERT_TRUE(made) << made.error().phrase;
    EXPECT_EQ(attr.cap.max_send_wr, kSlots - 1);
    auto &own = *static_cast<rxe::Qp *>(*made);
    own.context = &context_;
    own.state = IBV_QPS_RTS;
    ibv_qp_ex *qp = rxe::RxeDevice::qp_to_qp_ex(*made);
    ASSERT_NE(qp, nullptr);
    EXPECT_EQ(qp->wr_rdma_write, nullptr);
    EXPECT_EQ(qp->wr_set_ud_addr, nullptr);
    qp->wr_start(qp);
    qp->wr_id = 5;
    qp->wr_send(qp);
    qp->wr_id = 6;
    qp->wr_local_inv(qp, 0x700);
    (void)qp->wr_complete(qp);  // the fake's node takes no doorbell
    const auto &queue = *static_cast<rxe_queue_buf *>(own.sq.memory.data());
    EXPECT_EQ(queue.producer_index, 2u);
    const auto *first = reinterpret_cast<const rxe::SendWqe *>(&queue + 1);
    EXPECT_EQ(first->wr.wr_id, 5u);
    EXPECT_TRUE(device_->destroy_qp(*made));
}

TEST_F(RxeQpEx, HasRoomForAsManyRequestsAsWereGranted) {
    auto attr = request(IBV_QPT_RC, IBV_QP_EX_WITH_SEND);
    const auto made = device_->create_qp_ex(&attr);
    ASSERT_TRUE(made) << made.error().phrase;
    static_cast<rxe::Qp *>(*made)->context = &context_;
    static_cast<rxe::Qp *>(*made)->state = IBV_QPS_RTS;
    ibv_qp_ex *qp = rxe::RxeDevice::qp_to_qp_ex(*made);
    qp->wr_start(qp);
    for (std::uint32_t i = 0; i < attr.cap.max_send_wr + 1; ++i)
        qp->wr_send(qp);
    EXPECT_EQ(qp->wr_complete(qp), ENOMEM);
    const auto &queue =
        *static_cast<rxe_queue_buf *>(static_cast<rxe::Qp *>(*made)->sq.memory.data());
    EXPECT_EQ(queue.producer_index, 0u);
}

TEST_F(RxeQpEx, HasAFaceOnlyIfItWasMadeForIt) {
    auto attr = request(IBV_QPT_RC, 0);
    attr.comp_mask = IBV_QP_INIT_ATTR_PD;
    const auto qp = device_->create_qp_ex(&attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(rxe::RxeDevice::qp_to_qp_ex(*qp), nullptr);
}

TEST_F(RxeQpEx, HasEveryOperationOfItsType) {
    constexpr std::uint64_t kOfRc = IBV_QP_EX_WITH_SEND_WITH_INV | IBV_QP_EX_WITH_LOCAL_INV |
                                    IBV_QP_EX_WITH_BIND_MW | IBV_QP_EX_WITH_RDMA_READ |
                                    IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD;
    auto attr = request(IBV_QPT_RC, kOfRc);
    EXPECT_TRUE(device_->create_qp_ex(&attr));
    attr = request(IBV_QPT_UC, IBV_QP_EX_WITH_BIND_MW | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM);
    EXPECT_TRUE(device_->create_qp_ex(&attr));
    attr = request(IBV_QPT_UD, IBV_QP_EX_WITH_SEND_WITH_IMM);
    const auto datagrams = device_->create_qp_ex(&attr);
    ASSERT_TRUE(datagrams) << datagrams.error().phrase;
    EXPECT_NE(rxe::RxeDevice::qp_to_qp_ex(*datagrams)->wr_set_ud_addr, nullptr);
}

TEST_F(RxeQpEx, MakesNothingInTheKernelWhenAnOperationIsMissing) {
    const std::size_t before = objects_.size();
    auto segmented = request(IBV_QPT_RC, IBV_QP_EX_WITH_TSO);
    EXPECT_EQ(device_->create_qp_ex(&segmented).error().code, EOPNOTSUPP);
    for (const auto op :
         {IBV_QP_EX_WITH_SEND_WITH_INV, IBV_QP_EX_WITH_LOCAL_INV, IBV_QP_EX_WITH_RDMA_READ}) {
        auto attr = request(IBV_QPT_UC, op);
        EXPECT_EQ(device_->create_qp_ex(&attr).error().code, EOPNOTSUPP) << op;
    }
    auto attr = request(IBV_QPT_UD, IBV_QP_EX_WITH_RDMA_WRITE);
    EXPECT_EQ(device_->create_qp_ex(&attr).error().code, EOPNOTSUPP);
    EXPECT_EQ(objects_.size(), before);
}

TEST_F(RxeQpEx, WritesAtomicallyOnKernelsThatDo) {
    std::uint64_t capabilities = 0;
    kernel_.on_command<ib_uverbs_ex_query_device, ib_uverbs_ex_query_device_resp>(
        IB_USER_VERBS_EX_CMD_QUERY_DEVICE | IB_USER_VERBS_CMD_FLAG_EXTENDED,
        [&](auto &, auto &response, auto &) {
            response.response_length = sizeof response;
            response.device_cap_flags_ex = capabilities;
            return 0;
        });
    auto attr = request(IBV_QPT_RC, IBV_QP_EX_WITH_ATOMIC_WRITE);
    EXPECT_EQ(device_->create_qp_ex(&attr).error().code, EOPNOTSUPP);
    capabilities = 1ull << 40;
    attr.cap.max_inline_data = 0;
    const auto qp = device_->create_qp_ex(&attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_NE(rxe::RxeDevice::qp_to_qp_ex(*qp)->wr_atomic_write, nullptr);
    EXPECT_NE(static_cast<rxe::Qp *>(*qp)->sq.type_bit & rxe::kAtomicWriter, 0);
    EXPECT_EQ(asked_.max_inline_data, 8u) << "has no room for the value";
}

}  // namespace
}  // namespace verbs::test
