// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How long a connection tries: retries for a receiver that is not ready, retries for a peer that
// does not answer. Lower bounds are what the attributes ask for; the upper ones are generous,
// because a loaded machine may be slow and a device may round its timers up.
#include "rc_test.hpp"

#include <tuple>

namespace {

using namespace verbs_test;

using Microseconds = std::chrono::microseconds;

// IBTA volume 1, table 45: the code of 10.24 ms, and the one of 40.96 ms.
constexpr uint8_t kRnr10ms = 20;
constexpr uint8_t kRnr41ms = 24;
constexpr Microseconds kRnr10msTime = 10240us;
constexpr Microseconds kRnr41msTime = 40960us;

// IBTA volume 1, 9.7.6.1.3: 4.096 us times two to the field.
constexpr uint8_t kTimeout = 12;
constexpr Microseconds kTimeoutTime = 16777us;

// A device may wait up to four times as long (the same chapter), a machine as long as it likes.
void expect_about(Clock::duration taken, Microseconds asked) {
    EXPECT_GE(taken, asked) << "gave up before the time that was asked for";
    EXPECT_LE(taken, 4 * asked + patience(10s));
}

class RcRnrCount : public SidesTest, public ::testing::WithParamInterface<std::tuple<Place, int>> {
protected:
    static Place place() { return std::get<0>(GetParam()); }
    static uint8_t retries() { return static_cast<uint8_t>(std::get<1>(GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(Rc, RcRnrCount,
                         ::testing::Combine(::testing::Values(Place::OneContext, Place::TwoContexts,
                                                              Place::TwoProcesses),
                                            ::testing::Range(0, 7)),
                         [](const auto &test) {
                             return place_name(std::get<0>(test.param)) + "Retry" +
                                    std::to_string(std::get<1>(test.param));
                         });

TEST_P(RcRnrCount, OfRetriesIsTriedAndThenTheRequestFails) {
    SideOptions options;
    options.path.rnr_retry = retries();
    options.path.min_rnr_timer = kRnr10ms;
    make_sides(place(), options, options);
    join(here(), there());
    const auto start = Clock::now();
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}}).unsignaled()), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    expect_about(Clock::now() - start, retries() * kRnr10msTime);
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    EXPECT_EQ(there().state(), IBV_QPS_RTS) << "the receiver has done nothing wrong";
}

class RcRnr : public RcTest {};
VERBS_TEST_EVERYWHERE(RcRnr);

TEST_P(RcRnr, TimerIsTheOneOfTheReceiver) {
    SideOptions here_options;
    here_options.path.rnr_retry = 1;
    here_options.path.min_rnr_timer = 1;
    SideOptions there_options = here_options;
    there_options.path.min_rnr_timer = kRnr41ms;
    connect(here_options, there_options);
    const auto start = Clock::now();
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    expect_about(Clock::now() - start, kRnr41msTime);
}

TEST_P(RcRnr, RetriesAreForEverWhenTheyAreSeven) {
    SideOptions options;
    options.path.min_rnr_timer = 1;  // 10 us: seven of them would be over at once
    connect(options);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }, 200ms));
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
}

TEST_P(RcRnr, FailsAWriteWithImmediateToo) {
    SideOptions options;
    options.path.rnr_retry = 1;
    connect(options);
    ASSERT_EQ(here().post_send(make_write(1, {{0, 8}}, there().at(0)).with_imm(7)), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
}

// The message was given up by its sender: it may not appear at the receiver afterwards.
TEST_P(RcRnr, FailureLeavesNothingForAReceiveThatComesTooLate) {
    SideOptions options;
    options.path.rnr_retry = 1;
    connect(options);
    here().store(0, pattern(1, 8));
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    ASSERT_EQ(there().change_state(IBV_QPS_ERR), 0);
    EXPECT_TRUE(ended(there().received(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(there().load(0, 8), std::vector<uint8_t>(8));
}

// The counter begins anew with each message, also when the receiver does nothing in between.
TEST_P(RcRnr, IsCountedForEachMessageByItself) {
    SideOptions options;
    options.path.rnr_retry = 2;
    options.path.min_rnr_timer = kRnr41ms;
    connect(options);
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 8}})), 0);
    const auto start = Clock::now();
    ASSERT_EQ(there().post_recv(3, {{0, 8}}), 0);
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(ended(here().sent(), 2, IBV_WC_RNR_RETRY_EXC_ERR));
    expect_about(Clock::now() - start, 2 * kRnr41msTime);
    EXPECT_TRUE(succeeded(there().received(), 3, IBV_WC_RECV));
}

// Transport retries. The peer is somebody who does not answer, in each way to be so.
SideOptions impatient(uint8_t retry_cnt) {
    SideOptions options;
    options.path.timeout = kTimeout;
    options.path.retry_cnt = retry_cnt;
    return options;
}

class RcRetryCount : public DeviceTest, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Rc, RcRetryCount, ::testing::Values(0, 1, 3, 7));

TEST_P(RcRetryCount, IsHonouredWhenNobodyAnswers) {
    const auto retries = static_cast<uint8_t>(GetParam());
    LocalSide here(context(), impatient(retries));
    QpAddress nobody = here.address();
    nobody.qp_num ^= 0x400000;
    here.connect(nobody);
    ASSERT_EQ(here.post_recv(9, {{0, 8}}), 0);
    const auto start = Clock::now();
    ASSERT_EQ(here.post_send(make_send(1, {{0, 8}}).unsignaled()), 0);
    ASSERT_EQ(here.post_send(make_send(2, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here.sent(), 1, IBV_WC_RETRY_EXC_ERR));
    expect_about(Clock::now() - start, (retries + 1) * kTimeoutTime);
    EXPECT_TRUE(ended(here.sent(), 2, IBV_WC_WR_FLUSH_ERR));
    EXPECT_TRUE(ended(here.received(), 9, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here.state(), IBV_QPS_ERR);
}

class RcRetry : public RcTest {
protected:
    // Both know each other, and then the other one is silent from `state` on.
    void silence(ibv_qp_state state) {
        connect(impatient(1));
        ASSERT_EQ(there().change_state(state), 0);
    }
    void expect_retries_to_fail(const Sending &request) {
        const auto start = Clock::now();
        ASSERT_EQ(here().post_send(request), 0);
        EXPECT_TRUE(ended(here().sent(), request.id, IBV_WC_RETRY_EXC_ERR));
        expect_about(Clock::now() - start, 2 * kTimeoutTime);
        EXPECT_EQ(here().state(), IBV_QPS_ERR);
    }
};
VERBS_TEST_EVERYWHERE(RcRetry);

TEST_P(RcRetry, IsOverInTimeWhenThePeerIsReset) {
    ASSERT_NO_FATAL_FAILURE(silence(IBV_QPS_RESET));
    expect_retries_to_fail(make_send(1, {{0, 8}}));
}

TEST_P(RcRetry, IsOverInTimeWhenThePeerIsInError) {
    ASSERT_NO_FATAL_FAILURE(silence(IBV_QPS_ERR));
    expect_retries_to_fail(make_send(1, {{0, 8}}));
}

TEST_P(RcRetry, IsOverInTimeForAWriteAndAReadAndAnImmediate) {
    for (const int kind : {0, 1, 2}) {
        ASSERT_NO_FATAL_FAILURE(silence(IBV_QPS_RESET));
        const RemotePlace place = there().at(0);
        const Sending write = make_write(1, {{0, 8}}, place);
        expect_retries_to_fail(kind == 0   ? write
                               : kind == 1 ? make_read(1, {{0, 8}}, place)
                                           : write.with_imm(1));
    }
}

TEST_P(RcRetry, IsOverInTimeWhenThePeerIsNotReadyToReceive) {
    make_sides(GetParam(), impatient(1), impatient(1));
    here().connect(there().address());  // the other one is still in RESET
    expect_retries_to_fail(make_send(1, {{0, 8}}));
}

TEST_P(RcRetry, IsForEverWithoutATimeout) {
    SideOptions options = impatient(0);
    options.path.timeout = 0;
    make_sides(GetParam(), options, options);
    here().connect(there().address());
    here().store(0, pattern(1, 8));
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }, 200ms));
    there().connect(here().address());
    ASSERT_EQ(there().post_recv(2, {{0, 8}}), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
    EXPECT_EQ(there().load(0, 8), pattern(1, 8));
}

}  // namespace
