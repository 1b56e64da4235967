// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// XRC domains that processes share by a file: receiving QPs and receive queues of different
// processes, and QPs that are open in more than one.
#include "xrc_end.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace verbs_test;

class XrcOfProcesses : public XrcTest {
protected:
    DomainFile file;
};

PathOptions impatient() {
    PathOptions options = xrc_path();
    options.timeout = 14;
    options.retry_cnt = 1;
    return options;
}

TEST_F(XrcOfProcesses, KnowWhetherTheDomainOfAFileIsThere) {
    XrcPeer peer(file.path());
    EXPECT_EQ(peer.open(0), ENOENT);
    Xrcd ours(open_xrcd(context(), file.fd(), O_CREAT | O_EXCL));
    ASSERT_TRUE(ours);
    EXPECT_EQ(peer.open(O_CREAT | O_EXCL), EEXIST);
    EXPECT_EQ(peer.open(0), 0);
    EXPECT_EQ(ours.close(), 0);
    ours = Xrcd(open_xrcd(context(), file.fd(), 0));
    EXPECT_TRUE(ours);
    EXPECT_EQ(ours.close(), 0);
    EXPECT_TRUE(peer.leave());
    EXPECT_EQ(open_xrcd(context(), file.fd(), 0), nullptr);
    EXPECT_EQ(errno, ENOENT);
}

TEST_F(XrcOfProcesses, MakeTheDomainOfAFileOneAtATime) {
    const auto count = static_cast<uint32_t>(iterations(1000));
    XrcPeer peer(file.path());
    peer.begin_to_contend(count);
    EXPECT_EQ(contend(context(), file.fd(), count), 0);
    EXPECT_EQ(peer.contended(), 0);
    EXPECT_TRUE(peer.leave());
}

TEST_F(XrcOfProcesses, SendToEachOther) {
    XrcPeer peer(file.path());
    const auto queue = peer.make_queue();
    const XrcEnd here(context(), file.fd());
    const Qp sender = here.make_sender();
    const QpAddress receiver = peer.make_receiver(address_of(sender.get(), xrc_path()));
    ASSERT_EQ(connect_rc(sender.get(), receiver, xrc_path()), 0);
    peer.post_recv(2, 100'000);
    for (const uint32_t length : {64u, 100'000u}) {
        const auto bytes = pattern(length, length);
        std::copy(bytes.begin(), bytes.end(), here.from());
        here.post(sender.get(), here.message(length, queue.number, length));
        EXPECT_TRUE(succeeded(collect_one(here.sent()), length, IBV_WC_SEND));
        const XrcArrival arrival = peer.arrivals(1).front();
        EXPECT_EQ(arrival.byte_len, length);
        EXPECT_EQ(arrival.qp_num, receiver.qp_num);
    }
    EXPECT_TRUE(peer.leave());
}

TEST_F(XrcOfProcesses, LoseTheSenderOfAProcessThatDied) {
    XrcPeer peer(file.path());
    const auto queue = peer.make_queue();
    const XrcEnd here(context(), file.fd());
    const Qp sender = here.make_sender();
    ASSERT_EQ(connect_rc(sender.get(), peer.make_receiver(address_of(sender.get(), impatient())),
                         impatient()),
              0);
    here.post(sender.get(), here.message(1, queue.number, 64));
    peer.process().kill();
    EXPECT_TRUE(ended(collect_one(here.sent()), 1, IBV_WC_RETRY_EXC_ERR));
}

// Its process answers calls one at a time; here they come from several threads.
TEST_F(XrcOfProcesses, AnswerEachOfTheThreadsThatCallOnAnOpenedQp) {
    XrcPeer peer(file.path());
    peer.make_queue();
    const XrcEnd here(context(), file.fd());
    const Qp sender = here.make_sender();
    const Qp opened = here.open_qp(peer.make_receiver(address_of(sender.get(), xrc_path())).qp_num);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 50; ++round) {
                ibv_qp_attr now{};
                ibv_qp_init_attr init{};
                if (ibv_query_qp(opened.get(), &now, IBV_QP_STATE, &init) != 0 ||
                    now.qp_state != IBV_QPS_RTR)
                    ++wrong;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_TRUE(peer.leave());
}

// What was asked for in vain does not happen later, either.
TEST_F(XrcOfProcesses, GiveUpOnAQpWhoseProcessIsStopped) {
    XrcPeer peer(file.path());
    peer.make_queue();
    const XrcEnd here(context(), file.fd());
    const Qp sender = here.make_sender();
    const Qp opened = here.open_qp(peer.make_receiver(address_of(sender.get(), xrc_path())).qp_num);
    ASSERT_EQ(::kill(peer.process().pid(), SIGSTOP), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(peer.process().pid(), &status, WUNTRACED), peer.process().pid());
    EXPECT_EQ(to_state(IBV_QPS_ERR).apply(opened.get()), ETIMEDOUT);
    ASSERT_EQ(::kill(peer.process().pid(), SIGCONT), 0);
    EXPECT_EQ(state_of(opened.get()), IBV_QPS_RTR);
    EXPECT_EQ(to_state(IBV_QPS_ERR).apply(opened.get()), 0);
    EXPECT_EQ(state_of(opened.get()), IBV_QPS_ERR);
    EXPECT_TRUE(peer.leave());
}

// The receiving QP is here, with a queue; the peer has another queue of the domain.
class XrcQueueElsewhere : public XrcOfProcesses {
protected:
    void SetUp() override {
        XrcOfProcesses::SetUp();
        if (IsSkipped()) return;
        peer_.emplace(file.path());
        elsewhere = peer_->make_queue();
        end_.emplace(context(), file.fd());
        sender_ = end_->make_sender();
        receiver_ = end_->make_receiver();
    }
    void TearDown() override {
        sender_ = {};
        receiver_ = {};
        end_.reset();
        peer_.reset();
        XrcOfProcesses::TearDown();
    }
    void connect(const PathOptions &options = xrc_path()) {
        connect_xrc(sender(), receiver(), options);
    }
    XrcPeer &peer() { return *peer_; }
    XrcEnd &end() { return *end_; }
    ibv_qp *sender() { return sender_.get(); }
    ibv_qp *receiver() { return receiver_.get(); }
    Qp &owned_receiver() { return receiver_; }
    ibv_wc sent() { return collect_one(end().sent()); }
    void fill(uint32_t length) {
        const auto bytes = pattern(length, length);
        std::copy(bytes.begin(), bytes.end(), end().from());
    }
    void expect_broken(ibv_wc_status status) {
        EXPECT_TRUE(ended(sent(), 1, status));
        EXPECT_TRUE(eventually([&] { return state_of(receiver()) == IBV_QPS_ERR; }));
    }

    XrcPeer::Queue elsewhere;

private:
    std::optional<XrcPeer> peer_;
    std::optional<XrcEnd> end_;
    Qp sender_;
    Qp receiver_;
};

TEST_F(XrcQueueElsewhere, TakesMessagesOfTheQp) {
    connect();
    peer().post_recv(2, 100'000);
    for (const uint32_t length : {64u, 100'000u}) {
        fill(length);
        ibv_send_wr wr = end().message(length, elsewhere.number, length);
        wr.opcode = IBV_WR_SEND_WITH_IMM;
        wr.imm_data = htonl(length);
        end().post(sender(), wr);
        EXPECT_TRUE(succeeded(sent(), length, IBV_WC_SEND));
        const XrcArrival arrival = peer().arrivals(1).front();
        EXPECT_EQ(arrival.qp_num, receiver()->qp_num);
        EXPECT_EQ(arrival.byte_len, length);
        EXPECT_EQ(arrival.imm, length);
    }
    const auto there = peer().bytes(64);
    EXPECT_EQ(there, pattern(64, 64));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, TakesItsMessagesInTheOrderOfAll) {
    connect();
    constexpr uint32_t kCount = 24;
    peer().post_recv(kCount, 64);
    for (uint64_t i = 0; i < kCount; ++i)
        end().post_recv(end().queue(), i, 64);
    const uint32_t numbers[] = {elsewhere.number, number_of(end().queue())};
    for (uint64_t i = 0; i < 2 * kCount; ++i)
        end().post(sender(), end().message(i, numbers[i / 2 % 2], 8));
    const auto done = collect(end().sent(), 2 * kCount);
    for (uint64_t i = 0; i < 2 * kCount; ++i)
        EXPECT_TRUE(succeeded(done[i], i, IBV_WC_SEND));
    EXPECT_EQ(collect(end().received(), kCount).back().wr_id, kCount - 1);
    EXPECT_EQ(peer().arrivals(kCount).back().id, kCount - 1);
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, HoldsBackWhatIsBehindAMessageThatWaits) {
    connect();
    end().post_recv(end().queue(), 7, 64);
    end().post(sender(), end().message(1, elsewhere.number, 8));
    end().post(sender(), end().message(2, number_of(end().queue()), 8));
    EXPECT_FALSE(eventually([&] { return !is_empty(end().received()); }, kQuiet));
    peer().post_recv(1, 64);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(collect_one(end().received()), 7, IBV_WC_RECV));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, LeadsToTheMemoryOfItsProcess) {
    connect();
    fill(50'000);
    ibv_send_wr wr = end().message(1, elsewhere.number, 50'000);
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.wr.rdma = {elsewhere.place.addr, elsewhere.place.rkey};
    end().post(sender(), wr);
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_EQ(peer().bytes(50'000), pattern(50'000, 50'000));
    std::memset(end().from(), 0, 50'000);
    wr = end().message(2, elsewhere.number, 50'000);
    wr.opcode = IBV_WR_RDMA_READ;
    wr.wr.rdma = {elsewhere.place.addr, elsewhere.place.rkey};
    end().post(sender(), wr);
    EXPECT_TRUE(succeeded(sent(), 2, IBV_WC_RDMA_READ));
    EXPECT_EQ(std::vector<uint8_t>(end().from(), end().from(50'000)), pattern(50'000, 50'000));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, AllowsWhatTheQpAllows) {
    PathOptions options = xrc_path();
    options.qp_access = 0;
    connect(options);
    ibv_send_wr wr = end().message(1, elsewhere.number, 8);
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.wr.rdma = {elsewhere.place.addr, elsewhere.place.rkey};
    end().post(sender(), wr);
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcQueueElsewhere, DeniesAWrongKey) {
    connect();
    ibv_send_wr wr = end().message(1, elsewhere.number, 8);
    wr.opcode = IBV_WR_RDMA_WRITE;
    wr.wr.rdma = {elsewhere.place.addr, elsewhere.place.rkey + 1};
    end().post(sender(), wr);
    expect_broken(IBV_WC_REM_ACCESS_ERR);
}

TEST_F(XrcQueueElsewhere, WithoutReceivesIsWaitedForAsLongAsTheSenderMay) {
    PathOptions options = xrc_path();
    options.rnr_retry = 1;
    connect(options);
    end().post(sender(), end().message(1, elsewhere.number, 8));
    EXPECT_TRUE(ended(sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_EQ(state_of(receiver()), IBV_QPS_RTR);
}

TEST_F(XrcQueueElsewhere, BreaksTheConnectionWhenItsProcessDiesBeforeItTook) {
    connect();
    end().post(sender(), end().message(1, elsewhere.number, 8));
    EXPECT_FALSE(eventually([&] { return !is_empty(end().sent()); }, kQuiet));
    peer().process().kill();
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcQueueElsewhere, IsUnknownOnceItsProcessHasEnded) {
    connect();
    peer().post_recv(1, 64);
    end().post(sender(), end().message(0, elsewhere.number, 8));
    EXPECT_TRUE(succeeded(sent(), 0, IBV_WC_SEND));
    EXPECT_TRUE(peer().leave());
    end().post_recv(end().queue(), 7, 64);
    end().post(sender(), end().message(5, number_of(end().queue()), 8));
    EXPECT_TRUE(succeeded(sent(), 5, IBV_WC_SEND));
    end().post(sender(), end().message(1, elsewhere.number, 8));
    expect_broken(IBV_WC_REM_INV_REQ_ERR);
}

TEST_F(XrcQueueElsewhere, OfAnotherDomainIsRefused) {
    const DomainFile other;
    const XrcEnd stranger(context(), other.fd());
    const Qp receiver = stranger.make_receiver();
    connect_xrc(sender(), receiver.get());
    peer().post_recv(1, 64);
    end().post(sender(), end().message(1, elsewhere.number, 8));
    EXPECT_TRUE(ended(sent(), 1, IBV_WC_REM_INV_REQ_ERR));
    EXPECT_TRUE(eventually([&] { return state_of(receiver.get()) == IBV_QPS_ERR; }));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, IsReachedAgainByAQpThatBeganAnew) {
    connect();
    peer().post_recv(2, 64);
    end().post(sender(), end().message(1, elsewhere.number, 8));
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
    ASSERT_EQ(to_state(IBV_QPS_RESET).apply(sender()), 0);
    ASSERT_EQ(to_state(IBV_QPS_RESET).apply(receiver()), 0);
    connect();
    end().post(sender(), end().message(2, elsewhere.number, 8));
    EXPECT_TRUE(succeeded(sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, OpensTheQp) {
    connect();
    ASSERT_EQ(peer().open_qp(receiver()->qp_num), 0);
    EXPECT_EQ(peer().state(), IBV_QPS_RTR);
    EXPECT_EQ(peer().fail_qp(), 0);
    EXPECT_EQ(state_of(receiver()), IBV_QPS_ERR);
    EXPECT_EQ(peer().event(), IBV_EVENT_QP_LAST_WQE_REACHED);
    const auto event = next_event(context());
    ASSERT_TRUE(event);
    EXPECT_EQ(event->type, IBV_EVENT_QP_LAST_WQE_REACHED);
    EXPECT_EQ(peer().close_qp(), 0);
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, OpensNoQpThatIsNotInTheDomain) {
    EXPECT_EQ(peer().open_qp(sender()->qp_num), EINVAL);
    EXPECT_EQ(peer().open_qp(receiver()->qp_num + 100), EINVAL);
    const XrcEnd stranger(context());
    const Qp receiver = stranger.make_receiver();
    EXPECT_EQ(peer().open_qp(receiver->qp_num), EINVAL);
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, KeepsTheQpThatItHasOpen) {
    connect(impatient());
    ASSERT_EQ(peer().open_qp(receiver()->qp_num), 0);
    ASSERT_EQ(owned_receiver().close(), 0);
    end().post_recv(end().queue(), 1, 64);
    end().post(sender(), end().message(1, number_of(end().queue()), 8));
    EXPECT_TRUE(succeeded(sent(), 1, IBV_WC_SEND));
    EXPECT_EQ(peer().close_qp(), 0);
    end().post(sender(), end().message(2, number_of(end().queue()), 8));
    EXPECT_TRUE(ended(sent(), 2, IBV_WC_RETRY_EXC_ERR));
    EXPECT_TRUE(peer().leave());
}

TEST_F(XrcQueueElsewhere, HearsOfAQpWhoseProcessDied) {
    XrcPeer maker(file.path());
    maker.make_queue();
    const QpAddress made = maker.make_receiver(address_of(sender(), xrc_path()));
    ASSERT_EQ(peer().open_qp(made.qp_num), 0);
    maker.process().kill();
    EXPECT_EQ(peer().event(), IBV_EVENT_QP_FATAL);
    EXPECT_EQ(peer().fail_qp(), EIO);
    EXPECT_EQ(peer().close_qp(), 0);
    EXPECT_TRUE(peer().leave());
}

}  // namespace
