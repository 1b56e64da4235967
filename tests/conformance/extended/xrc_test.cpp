// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The extended reliable connection within one process: ibv_open_xrcd(3), ibv_create_srq_ex(3),
// ibv_get_srq_num(3), ibv_open_qp(3), and messages that name their receive queue.
#include "xrc_end.hpp"

#include <arpa/inet.h>

#include <memory>

namespace {

using namespace verbs_test;

class Xrc : public XrcTest {
protected:
    ibv_xrcd *open(int fd, int oflags) { return open_xrcd(context(), fd, oflags); }
    void expect_refused(int fd, int oflags, int code) {
        EXPECT_EQ(open(fd, oflags), nullptr);
        EXPECT_EQ(errno, code);
    }
};

TEST_F(Xrc, IsAmongTheCapabilities) {
    ibv_device_attr_ex attr{};
    ASSERT_EQ(ibv_query_device_ex(context(), nullptr, &attr), 0);
    EXPECT_NE(attr.orig_attr.device_cap_flags & IBV_DEVICE_XRC, 0u);
    EXPECT_NE(attr.device_cap_flags_ex & IBV_DEVICE_XRC, 0u);
}

TEST_F(Xrc, DomainWithoutAFileIsAlwaysANewOne) {
    const Xrcd first(open(-1, O_CREAT));
    const Xrcd second(open(-1, O_CREAT | O_EXCL));
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
    expect_refused(-1, 0, EINVAL);
}

TEST_F(Xrc, DomainOfAFileIsThereUntilTheLastHasClosedIt) {
    const DomainFile file;
    expect_refused(file.fd(), 0, ENOENT);
    Xrcd maker(open(file.fd(), O_CREAT));
    ASSERT_TRUE(maker);
    Xrcd finder(open(file.fd(), 0));
    ASSERT_TRUE(finder);
    EXPECT_EQ(maker.close(), 0);
    Xrcd later(open(file.fd(), 0));
    EXPECT_TRUE(later);
    EXPECT_EQ(later.close(), 0);
    EXPECT_EQ(finder.close(), 0);
    expect_refused(file.fd(), 0, ENOENT);
}

TEST_F(Xrc, DomainOfAFileIsMadeOnceByWhoInsistsOnMakingIt) {
    const DomainFile file;
    Xrcd maker(open(file.fd(), O_CREAT | O_EXCL));
    ASSERT_TRUE(maker);
    expect_refused(file.fd(), O_CREAT | O_EXCL, EEXIST);
    const Xrcd finder(open(file.fd(), O_CREAT));
    EXPECT_TRUE(finder);
}

TEST_F(Xrc, DomainNeedsAFileThatIsOpen) {
    int fd = -1;
    {
        const DomainFile file;
        fd = file.fd();
    }
    expect_refused(fd, O_CREAT, EBADF);
}

TEST_F(Xrc, DomainIsBusyWhileAQueueIsInIt) {
    XrcEnd end(context());
    EXPECT_EQ(end.owned_domain().close(), EBUSY);
    Qp receiver = end.make_receiver();
    EXPECT_EQ(end.owned_queue().close(), 0);
    EXPECT_EQ(end.owned_domain().close(), EBUSY);
    EXPECT_EQ(receiver.close(), 0);
    EXPECT_EQ(end.owned_domain().close(), 0);
}

TEST_F(Xrc, CompletionQueueIsBusyWhileAReceiveQueueCompletesThere) {
    const XrcEnd end(context());
    Cq cq = create_cq(context());
    Srq srq = end.make_queue(end.pd(), cq.get());
    EXPECT_EQ(cq.close(), EBUSY);
    EXPECT_EQ(srq.close(), 0);
    EXPECT_EQ(cq.close(), 0);
}

TEST_F(Xrc, ReceiveQueuesHaveDistinctNumbersOf24Bits) {
    const XrcEnd end(context());
    const Srq other = end.make_queue(end.pd(), end.received());
    EXPECT_NE(number_of(end.queue()), number_of(other.get()));
    EXPECT_LT(number_of(other.get()), 1u << 24);
    const Srq basic = create_srq(end.pd(), {4, 1, 0});
    uint32_t number = 0;
    EXPECT_EQ(ibv_get_srq_num(basic.get(), &number), EINVAL);
}

TEST_F(Xrc, ReceivingQpNeedsADomainAndTakesNoRequests) {
    const XrcEnd end(context());
    ibv_qp_init_attr_ex attr{};
    attr.qp_type = IBV_QPT_XRC_RECV;
    attr.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_XRCD;
    attr.pd = end.pd();
    attr.xrcd = end.domain();
    EXPECT_EQ(ibv_create_qp_ex(context(), &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    const Qp receiver = end.make_receiver();
    EXPECT_EQ(receiver->pd, nullptr);
    EXPECT_EQ(receiver->recv_cq, nullptr);
    ibv_recv_wr recv{};
    ibv_recv_wr *bad_recv = nullptr;
    EXPECT_EQ(ibv_post_recv(receiver.get(), &recv, &bad_recv), EINVAL);
    ibv_send_wr send{};
    ibv_send_wr *bad_send = nullptr;
    EXPECT_EQ(ibv_post_send(receiver.get(), &send, &bad_send), EINVAL);
}

// A sender, its receiver and two receive queues with CQs of their own.
class XrcPair : public Xrc {
protected:
    void SetUp() override {
        Xrc::SetUp();
        if (IsSkipped()) return;
        end_ = std::make_unique<XrcEnd>(context());
        other_received_ = create_cq(context());
        other_ = end_->make_queue(end_->pd(), other_received_.get());
        sender_ = end_->make_sender();
        receiver_ = end_->make_receiver();
    }
    void TearDown() override {
        sender_ = {};
        receiver_ = {};
        other_ = {};
        other_received_ = {};
        end_.reset();
        Xrc::TearDown();
    }
    void connect(const PathOptions &options = xrc_path()) {
        connect_xrc(sender(), receiver(), options);
    }
    XrcEnd &end() { return *end_; }
    ibv_qp *sender() { return sender_.get(); }
    ibv_qp *receiver() { return receiver_.get(); }
    Qp &owned_receiver() { return receiver_; }
    ibv_srq *other() { return other_.get(); }
    Srq &owned_other() { return other_; }
    ibv_cq *other_received() { return other_received_.get(); }
    uint32_t srqn() { return number_of(end().queue()); }
    ibv_wc sent() { return collect_one(end().sent()); }
    void fill(uint32_t length) {
        const auto bytes = pattern(7, length);
        std::copy(bytes.begin(), bytes.end(), end().from());
    }
    void expect_broken(ibv_wc_status status) {
        EXPECT_TRUE(ended(sent(), 1, status));
        EXPECT_EQ(state_of(sender()), IBV_QPS_ERR);
        EXPECT_TRUE(eventually([&] { return state_of(receiver()) == IBV_QPS_ERR; }));
    }

private:
    std::unique_ptr<XrcEnd> end_;
    Cq other_received_;
    Srq other_;
    Qp sender_;
    Qp receiver_;
};

TEST_F(XrcPair, BringsAMessageToTheQueueThatItNames) {
    connect();
    fill(64);
    end().post_recv(end().queue(), 11, 128, 0);
    end().post_recv(other(), 22, 128, 128);
    ibv_send_wr wr = end().message(1, number_of(other()), 64);
    wr.opcode = IBV_WR_SEND_WITH_IMM;
    wr.imm_data = htonl(0x1234);
    end().post(sender(), wr);
    const ibv_wc wc = collect_one(other_received());
    EXPECT_TRUE(succeeded(wc, 22, IBV_WC_RECV));
    EXPECT_EQ(wc.qp_num, receiver()->qp_num);
    EXPECT_EQ(wc.byte_len, 64u);
    EXPECT_EQ(wc.wc_flags & IBV_WC_WITH_IMM, unsigned{IBV_WC_WITH_IMM});
    EXPECT_EQ(ntohl(wc.imm_data), 0x1234u);
    EXPECT_EQ(std::memcmp(end().into(128), end().from(), 64), 0);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(is_empty(end().received()));
}

TEST_F(XrcPair, BringsLongMessagesWhole) {
    connect();
    fill(200'000);
    end().post_recv(other(), 5, 200'000);
    end().post(sender(), end().message(1, number_of(other()), 200'000));
    EXPECT_TRUE(succeeded(collect_one(other_received()), 5, IBV_WC_RECV));
    EXPECT_EQ(std::memcmp(end().into(), end().from(), 200'000), 0);
}

TEST_F(XrcPair, KeepsTheOrderOfMessagesForSeveralQueuesWithOneCq) {
    connect();
    const Srq second = end().make_queue(end().pd(), end().received());
    ibv_srq *const queues[] = {end().queue(), second.get()};
    for (uint64_t i = 0; i < 32; ++i)
        end().post_recv(queues[i % 2], i, 64);
    for (uint64_t i = 0; i < 32; ++i)
        end().post(sender(), end().message(i, number_of(queues[i % 2]), 8));
    const auto all = collect(end().received(), 32);
    for (uint64_t i = 0; i < 32; ++i)
        EXPECT_TRUE(succeeded(all[i], i, IBV_WC_RECV));
    collect(end().sent(), 32);
}

TEST_F(XrcPair, WakesWhoSleepsOnTheCqOfTheQueue) {
    connect();
    const Channel channel = create_channel(context());
    const Cq cq = create_cq(context(), 16, channel.get());
    const Srq srq = end().make_queue(end().pd(), cq.get());
    ASSERT_EQ(ibv_req_notify_cq(cq.get(), 0), 0);
    end().post_recv(srq.get(), 3, 64);
    end().post(sender(), end().message(1, number_of(srq.get()), 8));
    ibv_cq *woken = nullptr;
    void *cq_context = nullptr;
    ASSERT_EQ(ibv_get_cq_event(channel.get(), &woken, &cq_context), 0);
    ibv_ack_cq_events(woken, 1);
    EXPECT_EQ(woken, cq.get());
    EXPECT_TRUE(succeeded(collect_one(cq.get()), 3, IBV_WC_RECV));
    sent();
}

TEST_F(XrcPair, SharesAQueueAmongSenders) {
    connect();
    const Qp second_sender = end().make_sender();
    const Qp second_receiver = end().make_receiver();
    connect_xrc(second_sender.get(), second_receiver.get());
    end().post_recv(end().queue(), 1, 64);
    end().post(second_sender.get(), end().message(1, srqn(), 8));
    EXPECT_EQ(collect_one(end().received()).qp_num, second_receiver->qp_num);
    end().post_recv(end().queue(), 2, 64);
    end().post(sender(), end().message(1, srqn(), 8));
    EXPECT_EQ(collect_one(end().received()).qp_num, receiver()->qp_num);
    collect(end().sent(), 2);
}

TEST_F(XrcPair, TellsTheQueueInTheCallsOfABuilder) {
    connect();
    fill(16);
    end().post_recv(other(), 9, 64);
    ibv_qp_ex *qp = ibv_qp_to_qp_ex(sender());
    ASSERT_NE(qp, nullptr);
    ibv_wr_start(qp);
    qp->wr_id = 1;
    qp->wr_flags = 0;
    ibv_wr_send(qp);
    ibv_wr_set_xrc_srqn(qp, number_of(other()));
    ibv_wr_set_sge(qp, end().lkey(), reinterpret_cast<uint64_t>(end().from()), 16);
    ASSERT_EQ(ibv_wr_complete(qp), 0);
    EXPECT_TRUE(succeeded(collect_one(other_received()), 9, IBV_WC_RECV));
    EXPECT_EQ(std::memcmp(end().into(), end().from(), 16), 0);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
}

TEST_F(XrcPair, RefusesAMessageForNoQueue) {
    connect();
    end().post(sender(), end().message(1, 0, 8));
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcPair, RefusesAMessageForAQueueThatIsGone) {
    connect();
    const uint32_t number = number_of(other());
    ASSERT_EQ(owned_other().close(), 0);
    end().post(sender(), end().message(1, number, 8));
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
    const auto event = next_event(context());
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, IBV_EVENT_QP_REQ_ERR);
    EXPECT_EQ(event->qp, receiver());
}

TEST_F(XrcPair, RefusesAMessageForAQueueOfAnotherDomain) {
    connect();
    const XrcEnd stranger(context());
    stranger.post_recv(stranger.queue(), 1, 64);
    end().post(sender(), end().message(1, number_of(stranger.queue()), 8));
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
    EXPECT_TRUE(is_empty(stranger.received()));
}

TEST_F(XrcPair, RefusesAMessageThatWaitsWhenItsQueueGoes) {
    connect();
    end().post(sender(), end().message(1, number_of(other()), 8));
    EXPECT_FALSE(eventually([&] { return !is_empty(end().sent()); }, kQuiet));
    ASSERT_EQ(owned_other().close(), 0);
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcPair, WaitsForAReceive) {
    connect();
    end().post(sender(), end().message(1, srqn(), 8));
    EXPECT_FALSE(eventually([&] { return !is_empty(end().sent()); }, kQuiet));
    end().post_recv(end().queue(), 4, 64);
    EXPECT_TRUE(succeeded(collect_one(end().received()), 4, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
}

TEST_F(XrcPair, GivesUpWaitingForAReceiveAfterTheRetriesItMay) {
    PathOptions options = xrc_path();
    options.rnr_retry = 1;
    connect(options);
    end().post(sender(), end().message(1, srqn(), 8));
    EXPECT_TRUE(ended(sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_EQ(state_of(receiver()), IBV_QPS_RTR);
}

TEST_F(XrcPair, EndsWithAMessageThatIsLongerThanTheReceive) {
    connect();
    end().post_recv(end().queue(), 4, 16);
    end().post(sender(), end().message(1, srqn(), 64));
    EXPECT_TRUE(ended(collect_one(end().received()), 4, IBV_WC_LOC_LEN_ERR));
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcPair, WritesAndReadsTheMemoryOfTheQueuesDomain) {
    connect();
    fill(100'000);
    ibv_send_wr write = end().message(1, srqn(), 100'000);
    write.opcode = IBV_WR_RDMA_WRITE;
    write.wr.rdma = {end().place().addr, end().place().rkey};
    end().post(sender(), write);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(std::memcmp(end().into(), end().from(), 100'000), 0);
    std::memset(end().from(), 0, 100'000);
    ibv_send_wr read = end().message(2, srqn(), 100'000);
    read.opcode = IBV_WR_RDMA_READ;
    read.wr.rdma = write.wr.rdma;
    end().post(sender(), read);
    EXPECT_TRUE(succeeded(sent(), 2, IBV_WC_RDMA_READ));
    EXPECT_EQ(std::memcmp(end().into(), end().from(), 100'000), 0);
}

TEST_F(XrcPair, WritesWithAnImmediateThatTakesAReceiveOfTheQueue) {
    connect();
    fill(32);
    end().post_recv(other(), 6, 0);
    ibv_send_wr wr = end().message(1, number_of(other()), 32);
    wr.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
    wr.imm_data = htonl(99);
    wr.wr.rdma = {end().place().addr, end().place().rkey};
    end().post(sender(), wr);
    const ibv_wc wc = collect_one(other_received());
    EXPECT_TRUE(succeeded(wc, 6, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_EQ(ntohl(wc.imm_data), 99u);
    EXPECT_EQ(std::memcmp(end().into(), end().from(), 32), 0);
    sent();
}

TEST_F(XrcPair, ChangesAWordAtomically) {
    connect();
    const uint64_t before = 40;
    std::memcpy(end().into(), &before, sizeof before);
    ibv_send_wr wr = end().message(1, srqn(), sizeof before);
    wr.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
    wr.wr.atomic = {end().place().addr, 2, 0, end().place().rkey};
    end().post(sender(), wr);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_FETCH_ADD));
    uint64_t fetched = 0;
    uint64_t after = 0;
    std::memcpy(&fetched, end().from(), sizeof fetched);
    std::memcpy(&after, end().into(), sizeof after);
    EXPECT_EQ(fetched, 40u);
    EXPECT_EQ(after, 42u);
}

// The receiving QP has no protection domain; keys are judged in that of the queue.
TEST_F(XrcPair, DeniesAKeyOfAnotherProtectionDomainThanTheQueues) {
    connect();
    const Pd pd = alloc_pd(context());
    const Srq srq = end().make_queue(pd.get(), end().received());
    ibv_send_wr wr = end().message(1, number_of(srq.get()), 8);
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.wr.rdma = {end().place().addr, end().place().rkey};
    end().post(sender(), wr);
    expect_broken(IBV_WC_REM_ACCESS_ERR);
}

TEST_F(XrcPair, RefusesWhatTheReceivingQpDoesNotAllow) {
    PathOptions options = xrc_path();
    options.qp_access = 0;
    connect(options);
    ibv_send_wr wr = end().message(1, srqn(), 8);
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.wr.rdma = {end().place().addr, end().place().rkey};
    end().post(sender(), wr);
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcPair, FailsWhenTheReceivingQpIsGone) {
    PathOptions options = xrc_path();
    options.timeout = 10;
    options.retry_cnt = 1;
    connect(options);
    end().post_recv(end().queue(), 1, 64);
    end().post(sender(), end().message(1, srqn(), 8));
    sent();
    ASSERT_EQ(owned_receiver().close(), 0);
    end().post(sender(), end().message(2, srqn(), 8));
    EXPECT_TRUE(ended(sent(), 2, IBV_WC_RETRY_EXC_ERR));
}

// Handles of one QP, the first of which has made it.
class XrcHandles : public XrcPair {
protected:
    ibv_qp *open_qp(uint32_t number, ibv_xrcd *domain, void *qp_context = nullptr) {
        ibv_qp_open_attr attr{};
        attr.comp_mask = IBV_QP_OPEN_ATTR_NUM | IBV_QP_OPEN_ATTR_XRCD | IBV_QP_OPEN_ATTR_TYPE |
                         IBV_QP_OPEN_ATTR_CONTEXT;
        attr.qp_num = number;
        attr.xrcd = domain;
        attr.qp_context = qp_context;
        attr.qp_type = IBV_QPT_XRC_RECV;
        return ibv_open_qp(context(), &attr);
    }
};

TEST_F(XrcHandles, AreOfOneQp) {
    int mark = 0;
    const Qp second(open_qp(receiver()->qp_num, end().domain(), &mark));
    ASSERT_TRUE(second);
    EXPECT_EQ(second->qp_num, receiver()->qp_num);
    EXPECT_EQ(second->qp_context, &mark);
    EXPECT_EQ(second->state, IBV_QPS_UNKNOWN);
    ASSERT_EQ(rc_init(xrc_path()).apply(second.get()), 0);
    EXPECT_EQ(state_of(receiver()), IBV_QPS_INIT);
}

TEST_F(XrcHandles, AreRefusedForWhatIsNotInTheDomain) {
    const XrcEnd stranger(context());
    EXPECT_EQ(open_qp(receiver()->qp_num, stranger.domain()), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(open_qp(sender()->qp_num, end().domain()), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(open_qp(1, end().domain()), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(XrcHandles, KeepTheQpUntilTheLastOfThemGoes) {
    PathOptions options = xrc_path();
    options.timeout = 10;
    options.retry_cnt = 1;
    connect(options);
    Qp second(open_qp(receiver()->qp_num, end().domain()));
    ASSERT_TRUE(second);
    ASSERT_EQ(owned_receiver().close(), 0);
    end().post_recv(end().queue(), 1, 64);
    end().post(sender(), end().message(1, srqn(), 8));
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
    ASSERT_EQ(second.close(), 0);
    end().post(sender(), end().message(2, srqn(), 8));
    EXPECT_TRUE(ended(sent(), 2, IBV_WC_RETRY_EXC_ERR));
}

TEST_F(XrcHandles, HearEachOfTheQpsEvents) {
    connect();
    const Qp second(open_qp(receiver()->qp_num, end().domain()));
    ASSERT_TRUE(second);
    ASSERT_EQ(to_state(IBV_QPS_ERR).apply(second.get()), 0);
    std::vector<ibv_qp *> told;
    for (int i = 0; i < 2; ++i) {
        const auto event = next_event(context());
        ASSERT_TRUE(event);
        EXPECT_EQ(event->type, IBV_EVENT_QP_LAST_WQE_REACHED);
        told.push_back(event->qp);
    }
    EXPECT_NE(told[0], told[1]);
    EXPECT_TRUE(told[0] == receiver() || told[1] == receiver());
}

}  // namespace
