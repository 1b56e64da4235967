// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

class RxeQp : public FakeRxe {
protected:
    RxeQp() : cq_(create_cq()) {}

    rxe::Qp *create(ibv_qp_type type) {
        auto attr = qp_request(cq_, type);
        auto qp = device_->create_qp(&pd_, &attr);
        EXPECT_TRUE(qp) << qp.error().phrase;
        if (!qp) return nullptr;
        (*qp)->context = &context_;
        (*qp)->qp_type = type;
        return static_cast<rxe::Qp *>(*qp);
    }
    void on_port(std::uint8_t mtu) {
        kernel_.on_method(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_QUERY_PORT, [mtu](MethodCall &call) {
            ib_uverbs_query_port_resp_ex answer{};
            answer.legacy_resp.active_mtu = mtu;
            call.out(UVERBS_ATTR_QUERY_PORT_RESP, answer);
            return 0;
        });
    }
    ibv_cq *cq_;
};

TEST_F(RxeQp, LiesInTheDriversQueues) {
    auto attr = qp_request(cq_, IBV_QPT_RC);
    const auto qp = device_->create_qp(&pd_, &attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(user_handle_, reinterpret_cast<std::uintptr_t>(*qp));
    EXPECT_EQ((*qp)->qp_num, 17u);
    EXPECT_EQ(asked_.max_send_wr, 4u);
    EXPECT_EQ(asked_.max_inline_data, 32u);
    EXPECT_EQ(attr.cap.max_send_wr, kSlots - 1);
    EXPECT_EQ(attr.cap.max_recv_wr, kSlots - 1);
    const auto &own = *static_cast<rxe::Qp *>(*qp);
    EXPECT_TRUE(own.sq.ring.is_open());
    EXPECT_TRUE(own.rq.ring.is_open());
    const int before = retired_;
    EXPECT_TRUE(device_->destroy_qp(*qp));
    EXPECT_EQ(retired_, before + 1);
    EXPECT_EQ(objects_.size(), 1u);  // the CQ
}

TEST_F(RxeQp, HasNoReceiveQueueOfItsOwnWithASharedOne) {
    ibv_srq srq{};
    srq.handle = 3;
    auto attr = qp_request(cq_, IBV_QPT_RC);
    attr.srq = &srq;
    const auto qp = device_->create_qp(&pd_, &attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_TRUE(has_srq_);
    EXPECT_FALSE(static_cast<rxe::Qp *>(*qp)->rq.ring.is_open());
}

TEST_F(RxeQp, IsGivenBackWhenAQueueIsOdd) {
    is_odd = 1;
    auto attr = qp_request(cq_, IBV_QPT_RC);
    EXPECT_EQ(device_->create_qp(&pd_, &attr).error().code, EPROTO);
    EXPECT_EQ(objects_.size(), 1u);
    EXPECT_EQ(attr.cap.max_send_wr, 4u);
}

TEST_F(RxeQp, OfATypeThatTheDriverLacksIsRefusedBeforeTheKernelIsAsked) {
    auto attr = qp_request(cq_, IBV_QPT_RAW_PACKET);
    const int before = kernel_.ioctls;
    EXPECT_EQ(device_->create_qp(&pd_, &attr).error().code, EOPNOTSUPP);
    attr = qp_request(nullptr, IBV_QPT_RC);
    EXPECT_EQ(device_->create_qp(&pd_, &attr).error().code, EINVAL);
    EXPECT_EQ(kernel_.ioctls, before);
}

TEST_F(RxeQp, IsModifiedInWhatTheMaskNamesOnly) {
    auto *qp = create(IBV_QPT_RC);
    ibv_qp_attr attr;
    std::memset(&attr, 0xee, sizeof attr);  // what programs leave unset
    attr.qp_state = IBV_QPS_RTR;
    attr.dest_qp_num = 5;
    attr.ah_attr = {};
    attr.ah_attr.is_global = 1;
    attr.ah_attr.port_num = 1;
    attr.ah_attr.grh.sgid_index = 2;
    attr.ah_attr.grh.dgid.raw[15] = 9;
    attr.path_mtu = IBV_MTU_1024;
    constexpr int kMask = IBV_QP_STATE | IBV_QP_DEST_QPN | IBV_QP_AV | IBV_QP_PATH_MTU;
    ASSERT_TRUE(device_->modify_qp(qp, &attr, kMask));
    ib_uverbs_modify_qp expected{};
    expected.qp_handle = qp->handle;
    expected.attr_mask = kMask;
    expected.qp_state = IBV_QPS_RTR;
    expected.dest_qp_num = 5;
    expected.dest.is_global = 1;
    expected.dest.port_num = 1;
    expected.dest.sgid_index = 2;
    expected.dest.dgid[15] = 9;
    expected.path_mtu = IBV_MTU_1024;
    EXPECT_EQ(std::memcmp(change_.get(), &expected, sizeof expected), 0);
}

TEST_F(RxeQp, IsModifiedInAllThatAMaskCanName) {
    auto *qp = create(IBV_QPT_RC);
    ibv_qp_attr attr{};
    attr.cur_qp_state = IBV_QPS_RTS;
    attr.en_sqd_async_notify = 1;
    attr.qp_access_flags = 0xf;
    attr.pkey_index = 1;
    attr.port_num = 2;
    attr.timeout = 3;
    attr.retry_cnt = 4;
    attr.rnr_retry = 5;
    attr.rq_psn = 6;
    attr.max_rd_atomic = 7;
    attr.alt_ah_attr.dlid = 8;
    attr.alt_pkey_index = 9;
    attr.alt_port_num = 10;
    attr.alt_timeout = 11;
    attr.min_rnr_timer = 12;
    attr.sq_psn = 13;
    attr.max_dest_rd_atomic = 14;
    attr.path_mig_state = IBV_MIG_ARMED;
    constexpr int kMask = (IBV_QP_DEST_QPN << 1) - 1 - IBV_QP_STATE - IBV_QP_CAP;
    ASSERT_TRUE(device_->modify_qp(qp, &attr, kMask));
    ib_uverbs_modify_qp expected{};
    expected.qp_handle = qp->handle;
    expected.attr_mask = kMask;
    expected.cur_qp_state = IBV_QPS_RTS;
    expected.en_sqd_async_notify = 1;
    expected.qp_access_flags = 0xf;
    expected.pkey_index = 1;
    expected.port_num = 2;
    expected.timeout = 3;
    expected.retry_cnt = 4;
    expected.rnr_retry = 5;
    expected.rq_psn = 6;
    expected.max_rd_atomic = 7;
    expected.alt_dest.dlid = 8;
    expected.alt_pkey_index = 9;
    expected.alt_port_num = 10;
    expected.alt_timeout = 11;
    expected.min_rnr_timer = 12;
    expected.sq_psn = 13;
    expected.max_dest_rd_atomic = 14;
    expected.path_mig_state = IBV_MIG_ARMED;
    EXPECT_EQ(std::memcmp(change_.get(), &expected, sizeof expected), 0);
}

TEST_F(RxeQp, TellsWhichChangeTheKernelRefused) {
    auto *qp = create(IBV_QPT_RC);
    qp->state = IBV_QPS_INIT;
    kernel_.on_command<ib_uverbs_modify_qp, NoAnswer>(
        IB_USER_VERBS_CMD_MODIFY_QP, [](const auto &, auto &, auto &) { return EINVAL; });
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_RTS;
    const auto changed = device_->modify_qp(qp, &attr, IBV_QP_STATE);
    EXPECT_EQ(changed.error().code, EINVAL);
    EXPECT_NE(changed.error().phrase.find("from INIT to RTS"), std::string::npos);
}

TEST_F(RxeQp, HasNoRateLimit) {
    auto *qp = create(IBV_QPT_RC);
    ibv_qp_attr attr{};
    EXPECT_EQ(device_->modify_qp(qp, &attr, IBV_QP_RATE_LIMIT).error().code, EOPNOTSUPP);
}

TEST_F(RxeQp, OfDatagramsKnowsItsQkeyAndTheMtuOfThePort) {
    auto *qp = create(IBV_QPT_UD);
    on_port(IBV_MTU_2048);
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_INIT;
    attr.qkey = 0x11111111;
    ASSERT_TRUE(device_->modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_QKEY));
    EXPECT_EQ(qp->sq.qkey, 0x11111111u);
    attr.qp_state = IBV_QPS_RTR;
    ASSERT_TRUE(device_->modify_qp(qp, &attr, IBV_QP_STATE));
    EXPECT_EQ(qp->sq.max_message, 2048u);
}

TEST_F(RxeQp, OfDatagramsDoesNotGetReadyWithAnMtuThatThereIsNot) {
    auto *qp = create(IBV_QPT_UD);
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_RTR;
    for (const std::uint8_t mtu : {0, 6, 255}) {
        on_port(mtu);
        EXPECT_EQ(device_->modify_qp(qp, &attr, IBV_QP_STATE).error().code, EPROTO);
    }
}

TEST_F(RxeQp, TakesItsCompletionsAlongWhenItEnds) {
    for (const bool is_reset : {true, false}) {
        auto *qp = create(IBV_QPT_RC);
        qp->send_cq = qp->recv_cq = cq_;
        // The driver has put one completion into the queue.
        auto &header = *static_cast<rxe_queue_buf *>(static_cast<rxe::Cq *>(cq_)->memory.data());
        auto *slot = reinterpret_cast<std::byte *>(&header + 1) +
                     (header.producer_index << header.log2_elem_size);
        reinterpret_cast<ib_uverbs_wc *>(slot)->qp_num = qp->qp_num;
        header.producer_index = (header.producer_index + 1) % kSlots;
        ibv_qp_attr attr{};
        if (is_reset)
            ASSERT_TRUE(device_->modify_qp(qp, &attr, IBV_QP_STATE));
        else
            ASSERT_TRUE(device_->destroy_qp(qp));
        ibv_wc wc{};
        EXPECT_EQ(context_.ops.poll_cq(cq_, 1, &wc), 0);
    }
}

TEST_F(RxeQp, IsQueriedWhole) {
    auto *qp = create(IBV_QPT_RC);
    kernel_.on_command<ib_uverbs_query_qp, ib_uverbs_query_qp_resp>(
        IB_USER_VERBS_CMD_QUERY_QP, [](auto &, auto &response, auto &) {
            response.qp_state = IBV_QPS_RTS;
            response.cur_qp_state = IBV_QPS_RTS;
            response.max_send_wr = 15;
            response.max_inline_data = 64;
            response.sq_sig_all = 1;
            response.dest_qp_num = 8;
            response.dest.sgid_index = 3;
            response.dest.dgid[0] = 0xfe;
            response.alt_dest.sl = 4;
            response.timeout = 14;
            return 0;
        });
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_TRUE(device_->query_qp(qp, &attr, IBV_QP_STATE, &init));
    EXPECT_EQ(attr.qp_state, IBV_QPS_RTS);
    EXPECT_EQ(attr.cap.max_send_wr, 15u);
    EXPECT_EQ(attr.dest_qp_num, 8u);
    EXPECT_EQ(attr.ah_attr.grh.sgid_index, 3);
    EXPECT_EQ(attr.ah_attr.grh.dgid.raw[0], 0xfe);
    EXPECT_EQ(attr.alt_ah_attr.sl, 4);
    EXPECT_EQ(attr.timeout, 14);
    EXPECT_EQ(init.cap.max_inline_data, 64u);
    EXPECT_EQ(init.sq_sig_all, 1);
}

}  // namespace
}  // namespace verbs::test
