// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Faults that were asked for (VERBS_SOFT_FAULTS) look to a program like true ones: the same
// completions, states, events and error numbers, each where the text says.
#include "echo.hpp"
#include "rc_test.hpp"

#include <sys/resource.h>

#include <chrono>
#include <cstdlib>

namespace {

using namespace verbs_test;

// IBTA volume 1, table 45: the code of 10.24 ms.
constexpr uint8_t kRnr10ms = 20;
constexpr auto kRnr10msTime = 10240us;

// Opened with faults; empty, and errno set, when that is refused.
Context open_with(const std::string &faults) {
    ::setenv("VERBS_SOFT_FAULTS", faults.c_str(), 1);
    Context context(ibv_open_device(device_under_test()));
    const int code = errno;
    ::unsetenv("VERBS_SOFT_FAULTS");
    errno = code;
    return context;
}

class FaultTest : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("fault injection");
    }
    // `here` meets the faults, `there` does not.
    void connect(const std::string &faults, const SideOptions &options = {}) {
        faulty_ = open_with(faults);
        ASSERT_TRUE(faulty_) << faults;
        here_ = std::make_unique<LocalSide>(faulty_.get(), options);
        there_ = std::make_unique<LocalSide>(context(), options);
        join(*here_, *there_);
    }
    LocalSide &here() { return *here_; }
    LocalSide &there() { return *there_; }
    ibv_context *faulty() { return faulty_.get(); }

    [[nodiscard]] ::testing::AssertionResult tells(ibv_event_type expected) {
        if (!wait_readable(faulty_->async_fd, patience()))
            return ::testing::AssertionFailure() << "no event came";
        ibv_async_event event{};
        if (ibv_get_async_event(faulty_.get(), &event) != 0)
            return ::testing::AssertionFailure() << "no event";
        ibv_ack_async_event(&event);
        if (event.event_type == expected) return ::testing::AssertionSuccess();
        return ::testing::AssertionFailure() << "got " << ibv_event_type_str(event.event_type);
    }

private:
    Context faulty_;
    std::unique_ptr<LocalSide> here_;
    std::unique_ptr<LocalSide> there_;
};

class FaultText : public FaultTest {};

TEST_F(FaultText, ThatIsBrokenRefusesToOpenTheDevice) {
    for (const char *text : {"drop-pear", "delay:us=", "rnr:nth=x", "seed=1;;port-down"}) {
        errno = 0;
        EXPECT_FALSE(open_with(text)) << text;
        EXPECT_EQ(errno, EINVAL) << text;
    }
}

TEST_F(FaultText, ThatIsEmptyInjectsNothing) {
    connect("");
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

class DroppedPeer : public FaultTest {};

TEST_F(DroppedPeer, FailsTheNextRequestAndFlushesTheRest) {
    connect("drop-peer:after=3");
    for (uint64_t i = 0; i < 5; ++i)
        ASSERT_EQ(there().post_recv(10 + i, {{0, 8}}), 0);
    ASSERT_EQ(here().post_recv(20, {{0, 8}}), 0);
    for (uint64_t i = 0; i < 5; ++i)
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
    const auto done = here().sent(5);
    for (uint64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(succeeded(done[i], i, IBV_WC_SEND));
    EXPECT_TRUE(ended(done[3], 3, IBV_WC_RETRY_EXC_ERR));
    EXPECT_TRUE(ended(done[4], 4, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().received(), 20, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_EQ(there().received(3).size(), 3u);
    EXPECT_TRUE(is_empty(there().recv_cq()));
}

TEST_F(DroppedPeer, TakesWritesAndReadsWithIt) {
    connect("drop-peer:after=2");
    ASSERT_EQ(here().post_send(make_write(1, {{0, 8}}, there().at(0))), 0);
    ASSERT_EQ(here().post_send(make_read(2, {{0, 8}}, there().at(0))), 0);
    ASSERT_EQ(here().post_send(make_write(3, {{0, 8}}, there().at(0))), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_RDMA_WRITE));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_RDMA_READ));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_RETRY_EXC_ERR));
}

TEST_F(DroppedPeer, IsNoticedByWhoOnlyReceives) {
    connect("drop-peer:after=1,on=recv");
    for (uint64_t i = 0; i < 3; ++i)
        ASSERT_EQ(here().post_recv(i, {{0, 8}}), 0);
    // It waits for a receive over there, so it is outstanding when the peer is gone.
    ASSERT_EQ(here().post_send(make_send(10, {{0, 8}})), 0);
    ASSERT_EQ(there().post_send(make_send(20, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 0, IBV_WC_RECV));
    ASSERT_EQ(there().post_send(make_send(21, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().received(), 1, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().received(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().sent(), 10, IBV_WC_RETRY_EXC_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
}

TEST_F(DroppedPeer, RunsIntoItsOwnRetryTimeoutInAnotherProcess) {
    const Context faulty = open_with("drop-peer:after=1");
    ASSERT_TRUE(faulty);
    SideOptions options;
    options.path.timeout = 12;
    options.path.retry_cnt = 1;
    LocalSide here(faulty.get(), options);
    RemoteSide there(options);
    join(here, there);
    ASSERT_EQ(there.post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 8}})), 0);
    ASSERT_EQ(here.post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here.sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(ended(here.sent(), 3, IBV_WC_RETRY_EXC_ERR));
    EXPECT_TRUE(succeeded(there.received(), 1, IBV_WC_RECV));
    ASSERT_EQ(there.post_send(make_send(4, {{0, 8}})), 0);
    EXPECT_TRUE(ended(there.sent(), 4, IBV_WC_RETRY_EXC_ERR));
}

TEST_F(DroppedPeer, CanBeConnectedToAgainAfterAReset) {
    connect("drop-peer:nth=1");
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_TRUE(ended(here().sent(), 1, IBV_WC_RETRY_EXC_ERR));
    ASSERT_EQ(there().change_state(IBV_QPS_RESET), 0);
    join(here(), there());
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
}

TEST_F(DroppedPeer, IsTheOneOfTheQueuePairThatIsNamed) {
    connect("drop-peer:nth=1,qp=2");
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    LocalSide second(faulty());
    LocalSide its_peer(context());
    join(second, its_peer);
    ASSERT_EQ(second.post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(ended(second.sent(), 3, IBV_WC_RETRY_EXC_ERR));
}

// Nobody promised an unreliable sender that somebody is there.
TEST_F(DroppedPeer, OfAnUnreliableConnectionLeavesTheSenderUntold) {
    SideOptions options;
    options.type = IBV_QPT_UC;
    connect("drop-peer:after=1", options);
    for (uint64_t i = 0; i < 3; ++i)
        ASSERT_EQ(there().post_recv(10 + i, {{0, 8}}), 0);
    // What is sent before the channel stands is lost and no message.
    ASSERT_TRUE(eventually([&] {
        if (here().post_send(make_send(1, {{0, 8}})) != 0) return false;
        here().sent();
        return !is_empty(there().recv_cq());
    }));
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
    EXPECT_TRUE(never([&] { return !is_empty(there().recv_cq()); }));
    EXPECT_EQ(here().state(), IBV_QPS_RTS);
}

class Delay : public FaultTest {};

TEST_F(Delay, KeepsAMessageFromItsReceiveAndItsSenderFromItsCompletion) {
    connect("delay:nth=2,us=200000");
    for (uint64_t i = 0; i < 3; ++i)
        ASSERT_EQ(here().post_recv(i, {{0, 8}}), 0);
    ASSERT_EQ(there().post_send(make_send(10, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 0, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(there().sent(), 10, IBV_WC_SEND));
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(11, {{0, 8}})), 0);
    ASSERT_EQ(there().post_send(make_send(12, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_GE(Clock::now() - start, 200ms);
    EXPECT_TRUE(succeeded(here().received(), 2, IBV_WC_RECV)) << "in order";
    EXPECT_TRUE(succeeded(there().sent(), 11, IBV_WC_SEND));
}

TEST_F(Delay, EndsWhileTheProgramSleepsAndCostsNoProcessorTime) {
    const Context faulty = open_with("delay:us=300000");
    ASSERT_TRUE(faulty);
    const Channel channel(ibv_create_comp_channel(faulty.get()));
    ASSERT_TRUE(channel);
    LocalSide here(faulty.get(), {}, channel.get());
    LocalSide there(context());
    join(here, there);
    ASSERT_EQ(here.post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(ibv_req_notify_cq(here.recv_cq(), 0), 0);
    const auto processor_time = [] {
        rusage used{};
        ::getrusage(RUSAGE_SELF, &used);
        return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    };
    const auto used_before = processor_time();
    const auto start = Clock::now();
    ASSERT_EQ(there.post_send(make_send(2, {{0, 8}})), 0);
    ASSERT_TRUE(wait_readable(channel->fd, patience()));
    EXPECT_GE(Clock::now() - start, 300ms);
    EXPECT_LT(processor_time() - used_before, 100ms);
    ibv_cq *cq = nullptr;
    void *ignored = nullptr;
    ASSERT_EQ(ibv_get_cq_event(channel.get(), &cq, &ignored), 0);
    ibv_ack_cq_events(cq, 1);
    EXPECT_TRUE(succeeded(here.received(), 1, IBV_WC_RECV));
}

TEST_F(Delay, AppliesToASharedReceiveQueue) {
    SideOptions options;
    options.srq = {8, 1, 0};
    connect("delay:us=100000", options);
    ASSERT_EQ(here().post_srq_recv(1, {{0, 8}}), 0);
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_GE(Clock::now() - start, 100ms);
}

TEST_F(Delay, AppliesToDatagrams) {
    SideOptions options;
    options.type = IBV_QPT_UD;
    connect("delay:us=100000", options);
    ASSERT_EQ(here().post_recv(1, {{0, 100}}), 0);
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(2, {{0, 8}}).to(here().address(), PathOptions().qkey)),
              0);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    EXPECT_GE(Clock::now() - start, 100ms);
}

class ForcedRnr : public FaultTest {
protected:
    static SideOptions with_retries(uint8_t retries) {
        SideOptions options;
        options.path.rnr_retry = retries;
        options.path.min_rnr_timer = kRnr10ms;
        return options;
    }
};

TEST_F(ForcedRnr, IsOverWhenTheSenderHasRetriedOften) {
    connect("rnr:nth=1,attempts=2", with_retries(2));
    ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));
    EXPECT_GE(Clock::now() - start, 2 * kRnr10msTime);
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
}

TEST_F(ForcedRnr, ExhaustsTheRetriesOfASenderThatHasFewer) {
    connect("rnr:nth=2,attempts=3", with_retries(2));
    ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(there().post_send(make_send(10, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().sent(), 10, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().received(), 1, IBV_WC_RECV));
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(11, {{0, 8}})), 0);
    EXPECT_TRUE(ended(there().sent(), 11, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_GE(Clock::now() - start, 2 * kRnr10msTime);
    EXPECT_EQ(there().state(), IBV_QPS_ERR);
    EXPECT_EQ(here().state(), IBV_QPS_RTS) << "the receiver has done nothing wrong";
    EXPECT_TRUE(is_empty(here().recv_cq())) << "its receive was not used";
}

TEST_F(ForcedRnr, IsWaitedForWhenRetriesAreForEver) {
    connect("rnr:count=1,attempts=20", with_retries(7));
    ASSERT_EQ(here().post_recv(1, {{0, 8}}), 0);
    const auto start = Clock::now();
    ASSERT_EQ(there().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(there().sent(), 2, IBV_WC_SEND));
    EXPECT_GE(Clock::now() - start, 20 * kRnr10msTime);
}

class FailedCall : public FaultTest {};

TEST_F(FailedCall, IsTheRegistrationThatIsNamed) {
    const Context faulty = open_with("fail-reg_mr:nth=2,errno=ENOSPC");
    ASSERT_TRUE(faulty);
    const Pd pd = alloc_pd(faulty.get());
    const Pages pages(4096);
    const Mr first(ibv_reg_mr(pd.get(), pages.data(), 4096, 0));
    EXPECT_TRUE(first);
    errno = 0;
    EXPECT_FALSE(Mr(ibv_reg_mr(pd.get(), pages.data(), 4096, 0)));
    EXPECT_EQ(errno, ENOSPC);
    const Mr third(ibv_reg_mr(pd.get(), pages.data(), 4096, 0));
    EXPECT_TRUE(third);
}

TEST_F(FailedCall, IsOfEachKindThatIsNamed) {
    const Context faulty =
        open_with("fail-create_cq:nth=2;fail-create_qp:count=1,errno=EAGAIN;fail-modify_qp:nth=1,"
                  "errno=EBUSY;fail-alloc_pd:nth=2,errno=EPERM");
    ASSERT_TRUE(faulty);
    const Pd pd = alloc_pd(faulty.get());
    EXPECT_FALSE(Pd(ibv_alloc_pd(faulty.get())));
    EXPECT_EQ(errno, EPERM);
    const Cq cq = create_cq(faulty.get());
    EXPECT_FALSE(Cq(ibv_create_cq(faulty.get(), 1, nullptr, nullptr, 0)));
    EXPECT_EQ(errno, ENOMEM) << "unless another one is named";
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {1, 1, 1, 1, 0};
    EXPECT_FALSE(Qp(ibv_create_qp(pd.get(), &init)));
    EXPECT_EQ(errno, EAGAIN);
    const Qp qp(ibv_create_qp(pd.get(), &init));
    ASSERT_TRUE(qp);
    EXPECT_EQ(rc_init().apply(qp.get()), EBUSY);
    EXPECT_EQ(state_of(qp.get()), IBV_QPS_RESET);
    EXPECT_EQ(rc_init().apply(qp.get()), 0);
}

class FaultyPort : public FaultTest {};

TEST_F(FaultyPort, GoesDownAndUpAgainAfterATime) {
    connect("port-down:after_ms=30,for_ms=30");
    EXPECT_TRUE(tells(IBV_EVENT_PORT_ERR));
    EXPECT_TRUE(tells(IBV_EVENT_PORT_ACTIVE));
    EXPECT_EQ(port_attributes(faulty()).state, IBV_PORT_ACTIVE);
}

TEST_F(FaultyPort, GoesDownWithThePostThatIsNamed) {
    connect("port-down:posts=2");
    for (uint64_t i = 0; i < 3; ++i)
        ASSERT_EQ(there().post_recv(i, {{0, 8}}), 0);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_FALSE(wait_readable(faulty()->async_fd, kQuiet));
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(tells(IBV_EVENT_PORT_ERR));
    EXPECT_EQ(port_attributes(faulty()).state, IBV_PORT_DOWN);
    EXPECT_EQ(port_attributes(context()).state, IBV_PORT_ACTIVE) << "of another context";
}

class RemovedDevice : public FaultTest {};

TEST_F(RemovedDevice, IsGoneForEverythingButGivingBack) {
    connect("device-removal:posts=2");
    ASSERT_EQ(there().post_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(here().post_recv(2, {{0, 8}}), 0);
    const Pd pd = alloc_pd(faulty());
    const Cq cq = create_cq(faulty());
    ASSERT_EQ(here().post_send(make_send(3, {{0, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 3, IBV_WC_SEND));
    ASSERT_EQ(here().post_send(make_send(4, {{0, 8}})), 0);
    EXPECT_TRUE(tells(IBV_EVENT_DEVICE_FATAL));
    EXPECT_TRUE(ended(here().sent(), 4, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here().received(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    ibv_port_attr attr{};
    EXPECT_EQ(ibv_query_port(faulty(), kPort, &attr), EIO);
    ibv_qp_init_attr init{};
    init.send_cq = cq.get();
    init.recv_cq = cq.get();
    init.qp_type = IBV_QPT_RC;
    init.cap = {1, 1, 1, 1, 0};
    EXPECT_EQ(ibv_create_qp(pd.get(), &init), nullptr);
    EXPECT_EQ(errno, EIO);
}

TEST_F(RemovedDevice, GoesAfterATime) {
    connect("device-removal:after_ms=20");
    EXPECT_TRUE(tells(IBV_EVENT_DEVICE_FATAL));
}

class RepeatedFaults : public FaultTest {
protected:
    // What a fixed sequence of operations meets: failed registrations as letters, then how many
    // sends each of some queue pairs gets through.
    std::string outcome(const std::string &faults) {
        const Context faulty = open_with(faults);
        if (!faulty) return "not open";
        std::string all;
        const Pd pd = alloc_pd(faulty.get());
        const Pages pages(4096);
        for (int i = 0; i < 40; ++i)
            all += Mr(ibv_reg_mr(pd.get(), pages.data(), 4096, 0)) ? '.' : 'F';
        for (int i = 0; i < 4; ++i) {
            SideOptions options;
            options.memory = 4096;
            all += " " + std::to_string(sends_until_dropped(faulty.get(), options));
        }
        return all;
    }
    int sends_until_dropped(ibv_context *faulty, const SideOptions &options) {
        std::unique_ptr<LocalSide> here;
        // Its own registrations may be among those that fail.
        for (int tries = 0; here == nullptr && tries < 64; ++tries) {
            try {
                here = std::make_unique<LocalSide>(faulty, options);
            } catch (const std::exception &) {
                continue;
            }
        }
        LocalSide there(context(), options);
        join(*here, there);
        for (int count = 0; count < 64; ++count) {
            EXPECT_EQ(there.post_recv(1, {{0, 8}}), 0);
            EXPECT_EQ(here->post_send(make_send(2, {{0, 8}})), 0);
            if (here->sent().status != IBV_WC_SUCCESS) return count;
            there.received();
        }
        return 64;
    }
};

TEST_F(RepeatedFaults, AreTheSameForTheSameSeedAndOthersForAnother) {
    const std::string rules = ";fail-reg_mr:p=0.4;drop-peer:p=0.05";
    const std::string first = outcome("seed=11" + rules);
    EXPECT_EQ(first, outcome("seed=11" + rules));
    EXPECT_NE(first, outcome("seed=12" + rules));
    EXPECT_NE(first.find('F'), std::string::npos);
    EXPECT_NE(first.find('.'), std::string::npos);
}

}  // namespace
