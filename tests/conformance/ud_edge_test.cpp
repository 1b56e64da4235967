// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Edges of datagrams: what fails at the sender, what fails at the receiver, and what is only lost.
#include "echo.hpp"
#include "side.hpp"

namespace {

using namespace verbs_test;

constexpr uint32_t kSpoiled = 0x00ffff00;
constexpr uint32_t kGrh = 40;

class UdEdge : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        SideOptions options;
        options.type = IBV_QPT_UD;
        options.cap.max_recv_wr = 8;
        channel_ = create_channel(context());
        make_nonblocking(channel_->fd);
        sender_ = std::make_unique<LocalSide>(context(), options);
        receiver_ = std::make_unique<LocalSide>(context(), options, channel_.get());
        join(*sender_, *receiver_);
    }
    [[nodiscard]] Sending to_receiver(uint64_t id, const Slices &data) {
        return make_send(id, data).to(receiver_->address(), PathOptions().qkey);
    }
    void expect_delivery(uint64_t id) {
        ASSERT_EQ(receiver_->post_recv(id, {{0, 200}}), 0);
        ASSERT_EQ(sender_->post_send(to_receiver(id, {{0, 100}})), 0);
        ASSERT_TRUE(succeeded(sender_->sent(), id, IBV_WC_SEND));
        ASSERT_TRUE(succeeded(receiver_->received(), id, IBV_WC_RECV));
    }
    LocalSide &sender() { return *sender_; }
    LocalSide &receiver() { return *receiver_; }
    [[nodiscard]] ibv_comp_channel *channel() const { return channel_.get(); }

private:
    Channel channel_;
    std::unique_ptr<LocalSide> sender_;
    std::unique_ptr<LocalSide> receiver_;
};

TEST_F(UdEdge, DatagramLongerThanItsReceiveFailsAtTheReceiverAlone) {
    ASSERT_EQ(receiver().post_recv(1, {{0, kGrh + 99}}), 0);
    ASSERT_EQ(sender().post_send(to_receiver(2, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(sender().sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(ended(receiver().received(), 1, IBV_WC_LOC_LEN_ERR));
    EXPECT_EQ(receiver().state(), IBV_QPS_ERR);
    EXPECT_EQ(sender().state(), IBV_QPS_RTS);
    EXPECT_EQ(receiver().load(kGrh + 99, 1), std::vector<uint8_t>(1));
}

TEST_F(UdEdge, DatagramIntoAWrongKeyFailsAtTheReceiverAlone) {
    ASSERT_EQ(receiver().post_recv(1, {{0, 200, kSpoiled}}), 0);
    ASSERT_EQ(receiver().post_recv(3, {{0, 200}}), 0);
    ASSERT_EQ(sender().post_send(to_receiver(2, {{0, 100}})), 0);
    EXPECT_TRUE(succeeded(sender().sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(ended(receiver().received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(receiver().received(), 3, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(receiver().state(), IBV_QPS_ERR);
    EXPECT_EQ(sender().state(), IBV_QPS_RTS);
}

TEST_F(UdEdge, DatagramForWhichNobodyIsReadyHoldsTheSenderUpForABoundedTimeOnly) {
    for (uint64_t id = 0; id < 5; ++id) {
        ASSERT_EQ(sender().post_send(to_receiver(id, {{0, 100}})), 0);
        EXPECT_TRUE(succeeded(sender().sent(), id, IBV_WC_SEND));
    }
    EXPECT_EQ(sender().state(), IBV_QPS_RTS);
    EXPECT_EQ(receiver().state(), IBV_QPS_RTS);
}

TEST_F(UdEdge, EmptyDatagramIsAHeaderAlone) {
    ASSERT_EQ(receiver().post_recv(1, {{0, kGrh}}), 0);
    ASSERT_EQ(sender().post_send(to_receiver(2, {})), 0);
    EXPECT_TRUE(succeeded(sender().sent(), 2, IBV_WC_SEND));
    const ibv_wc wc = receiver().received();
    EXPECT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh);
}

TEST_F(UdEdge, ReceivesAreRefusedAtTheFirstThatDoesNotFit) {
    const uint32_t most = receiver().cap().max_recv_wr;
    std::vector<ibv_recv_wr> list(most + 1000);
    for (size_t i = 0; i < list.size(); ++i) {
        list[i].wr_id = i;
        list[i].next = i + 1 < list.size() ? &list[i + 1] : nullptr;
    }
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_recv(receiver().qp(), list.data(), &bad), ENOMEM);
    ASSERT_NE(bad, nullptr);
    EXPECT_GE(bad->wr_id, most);
    const uint64_t posted = bad->wr_id;
    ASSERT_EQ(receiver().change_state(IBV_QPS_ERR), 0);
    EXPECT_EQ(receiver().received(posted).back().wr_id, posted - 1);
    EXPECT_TRUE(is_empty(receiver().recv_cq()));
}

TEST_F(UdEdge, RequestsWithMorePiecesThanTheQueuePairHasAreRefused) {
    Slices slices;
    for (uint32_t i = 0; i <= sender().cap().max_send_sge; ++i) {
        slices.add({0, 1});
    }
    EXPECT_EQ(sender().post_send(to_receiver(1, slices)), EINVAL);
    ASSERT_NO_FATAL_FAILURE(expect_delivery(2));
}

TEST_F(UdEdge, RequestsForConnectionsAreRefused) {
    for (const ibv_wr_opcode opcode :
         {IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ, IBV_WR_RDMA_WRITE_WITH_IMM}) {
        Sending request = to_receiver(1, {{0, 8}});
        request.opcode = opcode;
        const int error = sender().post_send(request);
        EXPECT_TRUE(error == EINVAL || error == EOPNOTSUPP) << opcode << ": " << error;
    }
    ASSERT_NO_FATAL_FAILURE(expect_delivery(2));
}

TEST_F(UdEdge, OnlySolicitedDatagramsWakeAQueueThatIsArmedForThem) {
    ASSERT_EQ(ibv_req_notify_cq(receiver().recv_cq(), 1), 0);
    ASSERT_NO_FATAL_FAILURE(expect_delivery(1));
    EXPECT_FALSE(wait_readable(channel()->fd, kQuiet));
    ASSERT_EQ(receiver().post_recv(2, {{0, 200}}), 0);
    ASSERT_EQ(sender().post_send(to_receiver(3, {{0, 100}}).with(IBV_SEND_SOLICITED)), 0);
    ASSERT_TRUE(wait_readable(channel()->fd));
    ibv_cq *cq = nullptr;
    void *cq_context = nullptr;
    ASSERT_EQ(ibv_get_cq_event(channel(), &cq, &cq_context), 0);
    EXPECT_EQ(cq, receiver().recv_cq());
    ibv_ack_cq_events(cq, 1);
    EXPECT_TRUE(succeeded(receiver().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(sender().sent(), 3, IBV_WC_SEND));
}

TEST_F(UdEdge, FromAWrongKeyFailsWithAProtectionErrorAndFlushesWhatFollows) {
    ASSERT_EQ(receiver().post_recv(9, {{0, 200}}), 0);
    ASSERT_EQ(sender().post_send(to_receiver(1, {{0, 100, kSpoiled}})), 0);
    ASSERT_EQ(sender().post_send(to_receiver(2, {{0, 100}})), 0);
    EXPECT_TRUE(ended(sender().sent(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(sender().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(receiver().state(), IBV_QPS_RTS);
    EXPECT_TRUE(never([&] { return !is_empty(receiver().recv_cq()); }));
}

// IBTA volume 1, 10.3.1.6: the send queue of an unreliable queue pair fails alone.
TEST_F(UdEdge, FromAWrongKeyStopsTheSendQueueAloneUntilItIsStartedAgain) {
    ASSERT_EQ(sender().post_send(to_receiver(1, {{0, 100, kSpoiled}})), 0);
    ASSERT_EQ(sender().post_send(to_receiver(2, {{0, 100}})), 0);
    EXPECT_TRUE(ended(sender().sent(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(sender().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(sender().state(), IBV_QPS_SQE);
    // What is posted now is flushed, and what is received is received.
    ASSERT_EQ(sender().post_send(to_receiver(3, {{0, 100}})), 0);
    EXPECT_TRUE(ended(sender().sent(), 3, IBV_WC_WR_FLUSH_ERR));
    ASSERT_EQ(sender().post_recv(4, {{0, 200}}), 0);
    ASSERT_EQ(
        receiver().post_send(make_send(5, {{0, 100}}).to(sender().address(), PathOptions().qkey)),
        0);
    EXPECT_TRUE(succeeded(receiver().sent(), 5, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(sender().received(), 4, IBV_WC_RECV));
    ASSERT_EQ(sender().change_state(IBV_QPS_RTS), 0);
    ASSERT_NO_FATAL_FAILURE(expect_delivery(6));
}

}  // namespace
