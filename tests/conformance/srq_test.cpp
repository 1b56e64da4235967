// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shared receive queues: their size and limit, what they are to queue pairs of every type, and what
// becomes of their requests when a queue pair fails (IBTA volume 1, 10.2.9).
#include "echo.hpp"
#include "rc_test.hpp"

#include <optional>
#include <set>

namespace {

using namespace verbs_test;

constexpr uint32_t kGrh = 40;

SideOptions srq_options(ibv_qp_type type = IBV_QPT_RC) {
    SideOptions options;
    options.type = type;
    options.srq = {64, 4, 0};
    return options;
}

SideOptions plain_options(ibv_qp_type type = IBV_QPT_RC) {
    SideOptions options;
    options.type = type;
    return options;
}

// What a test does with the queue alone.
class Srqs : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (!IsSkipped()) require_feature("srq");
        if (!IsSkipped()) pd_ = alloc_pd(context());
    }
    Pd &pd() { return pd_; }
    static ibv_srq_attr attributes(const Srq &srq) {
        ibv_srq_attr attr{};
        EXPECT_EQ(ibv_query_srq(srq.get(), &attr), 0);
        return attr;
    }
    static int modify(const Srq &srq, ibv_srq_attr attr, int mask) {
        return ibv_modify_srq(srq.get(), &attr, mask);
    }
    void expect_refused(const ibv_srq_attr &attr) {
        ibv_srq_init_attr init{};
        init.attr = attr;
        errno = 0;
        EXPECT_FALSE(Srq(ibv_create_srq(pd_.get(), &init)));
        EXPECT_EQ(errno, EINVAL);
    }
    // Empty requests, numbered from 0; what posting said, and how many went.
    static std::pair<int, uint64_t> post_empty(const Srq &srq, size_t count) {
        std::vector<ibv_recv_wr> list(count);
        for (size_t i = 0; i < count; ++i) {
            list[i].wr_id = i;
            list[i].next = i + 1 < count ? &list[i + 1] : nullptr;
        }
        ibv_recv_wr *bad = nullptr;
        const int error = ibv_post_srq_recv(srq.get(), list.data(), &bad);
        return {error, error == 0 ? count : bad->wr_id};
    }
    [[nodiscard]] bool can_resize() const {
        return (device_limits(context()).device_cap_flags & IBV_DEVICE_SRQ_RESIZE) != 0;
    }

private:
    Pd pd_;
};

TEST_F(Srqs, AreAdvertised) {
    const ibv_device_attr limits = device_limits(context());
    EXPECT_GT(limits.max_srq, 0);
    EXPECT_GT(limits.max_srq_wr, 0);
    EXPECT_GT(limits.max_srq_sge, 0);
}

TEST_F(Srqs, HaveAtLeastTheRoomThatWasAskedFor) {
    ibv_srq_init_attr init{};
    init.srq_context = this;
    init.attr = {100, 3, 0};
    const Srq srq(ibv_create_srq(pd().get(), &init));
    ASSERT_TRUE(srq);
    EXPECT_EQ(srq->context, context());
    EXPECT_EQ(srq->pd, pd().get());
    EXPECT_EQ(srq->srq_context, this);
    EXPECT_GE(init.attr.max_wr, 100u);
    EXPECT_GE(init.attr.max_sge, 3u);
    const ibv_srq_attr attr = attributes(srq);
    EXPECT_EQ(attr.max_wr, init.attr.max_wr);
    EXPECT_EQ(attr.max_sge, init.attr.max_sge);
    EXPECT_EQ(attr.srq_limit, 0u);
}

TEST_F(Srqs, MayBeAsLargeAsTheDeviceSaysAndNoLarger) {
    const ibv_device_attr limits = device_limits(context());
    const auto wr = static_cast<uint32_t>(limits.max_srq_wr);
    const auto sge = static_cast<uint32_t>(limits.max_srq_sge);
    // One piece each: a device with both at their largest would take gigabytes.
    EXPECT_TRUE(create_srq(pd().get(), {std::min(wr, 1u << 16), 1, 0}));
    EXPECT_TRUE(create_srq(pd().get(), {1, sge, 0}));
    expect_refused({wr + 1, 1, 0});
    expect_refused({1, sge + 1, 0});
}

TEST_F(Srqs, HoldTheirDomain) {
    Srq srq = create_srq(pd().get(), {16, 1, 0});
    EXPECT_EQ(pd().close(), EBUSY);
    EXPECT_EQ(srq.close(), 0);
    EXPECT_EQ(pd().close(), 0);
}

TEST_F(Srqs, GoWithTheRequestsInThem) {
    Srq srq = create_srq(pd().get(), {16, 1, 0});
    EXPECT_EQ(post_empty(srq, 16).first, 0);
    EXPECT_EQ(srq.close(), 0);
}

TEST_F(Srqs, AreFullAtTheFirstRequestThatDoesNotFit) {
    ibv_srq_attr granted{};
    const Srq srq = create_srq(pd().get(), {8, 1, 0}, &granted);
    const auto [error, posted] = post_empty(srq, granted.max_wr + 1000);
    EXPECT_EQ(error, ENOMEM);
    EXPECT_GE(posted, granted.max_wr);
    EXPECT_EQ(post_empty(srq, 1), (std::pair<int, uint64_t>{ENOMEM, 0})) << "still full";
}

TEST_F(Srqs, RefuseARequestWithMorePiecesThanTheyHaveAndWhatStandsBehindIt) {
    ibv_srq_attr granted{};
    const Srq srq = create_srq(pd().get(), {8, 2, 0}, &granted);
    Region region(pd().get(), 4096);
    std::vector<ibv_sge> sges(granted.max_sge + 1, region.sge(0, 8));
    std::vector<ibv_recv_wr> list(3);
    list[0].next = &list[1];
    list[1].next = &list[2];
    list[1].sg_list = sges.data();
    list[1].num_sge = static_cast<int>(sges.size());
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_srq_recv(srq.get(), list.data(), &bad), EINVAL);
    EXPECT_EQ(bad, &list[1]);
    // One request went, so that there is room for one less.
    const auto [error, posted] = post_empty(srq, granted.max_wr + 1000);
    EXPECT_EQ(error, ENOMEM);
    EXPECT_GE(posted + 1, granted.max_wr);
}

TEST_F(Srqs, TakeALimitUpToTheirSize) {
    ibv_srq_attr granted{};
    const Srq srq = create_srq(pd().get(), {16, 1, 0}, &granted);
    EXPECT_EQ(post_empty(srq, 16).first, 0);
    EXPECT_EQ(modify(srq, {0, 0, 5}, IBV_SRQ_LIMIT), 0);
    EXPECT_EQ(attributes(srq).srq_limit, 5u);
    EXPECT_EQ(modify(srq, {0, 0, granted.max_wr + 1}, IBV_SRQ_LIMIT), EINVAL);
    EXPECT_EQ(attributes(srq).srq_limit, 5u);
    EXPECT_EQ(modify(srq, {0, 0, 0}, IBV_SRQ_LIMIT), 0);
    EXPECT_EQ(attributes(srq).srq_limit, 0u);
    EXPECT_EQ(attributes(srq).max_wr, granted.max_wr);
}

TEST_F(Srqs, RefuseToChangeWhatNobodyKnows) {
    const Srq srq = create_srq(pd().get(), {16, 1, 0});
    EXPECT_EQ(modify(srq, {32, 1, 1}, 1 << 5), EINVAL);
    EXPECT_EQ(attributes(srq).srq_limit, 0u);
}

TEST_F(Srqs, IgnoreALimitAtTheirCreation) {
    const Srq srq = create_srq(pd().get(), {16, 1, 4});
    EXPECT_EQ(attributes(srq).srq_limit, 0u);
}

TEST_F(Srqs, GrowAndKeepWhatIsInThem) {
    if (!can_resize()) GTEST_SKIP() << "the device does not advertise it";
    ibv_srq_attr granted{};
    const Srq srq = create_srq(pd().get(), {8, 1, 0}, &granted);
    EXPECT_EQ(post_empty(srq, granted.max_wr).first, 0);
    const uint32_t more = granted.max_wr + 100;
    ASSERT_EQ(modify(srq, {more, 0, 0}, IBV_SRQ_MAX_WR), 0);
    const uint32_t size = attributes(srq).max_wr;
    EXPECT_GE(size, more);
    const auto [error, posted] = post_empty(srq, size + 1000);
    EXPECT_EQ(error, ENOMEM);
    EXPECT_GE(posted + granted.max_wr, size);
}

TEST_F(Srqs, ShrinkOnlyAsFarAsWhatIsInThemAllows) {
    if (!can_resize()) GTEST_SKIP() << "the device does not advertise it";
    const Srq srq = create_srq(pd().get(), {256, 1, 0});
    const uint32_t before = attributes(srq).max_wr;
    EXPECT_EQ(post_empty(srq, 100).first, 0);
    EXPECT_EQ(modify(srq, {99, 0, 0}, IBV_SRQ_MAX_WR), EINVAL);
    EXPECT_EQ(attributes(srq).max_wr, before);
    EXPECT_EQ(modify(srq, {100, 0, 0}, IBV_SRQ_MAX_WR), 0);
    EXPECT_GE(attributes(srq).max_wr, 100u);
    EXPECT_LE(attributes(srq).max_wr, before);
}

TEST_F(Srqs, DoNotGrowBeyondTheDevice) {
    const Srq srq = create_srq(pd().get(), {8, 1, 0});
    const uint32_t before = attributes(srq).max_wr;
    const auto most = static_cast<uint32_t>(device_limits(context()).max_srq_wr);
    EXPECT_EQ(modify(srq, {most + 1, 0, 0}, IBV_SRQ_MAX_WR), can_resize() ? EINVAL : EOPNOTSUPP);
    EXPECT_EQ(attributes(srq).max_wr, before);
}

TEST_F(Srqs, StayWhileAQueuePairUsesThem) {
    Srq srq = create_srq(pd().get(), {16, 1, 0});
    {
        LocalSide side(context(), plain_options(), nullptr, srq.get());
        EXPECT_EQ(side.qp()->srq, srq.get());
        EXPECT_EQ(srq.close(), EBUSY);
        EXPECT_EQ(post_empty(srq, 1).first, 0) << "it still works";
    }
    EXPECT_EQ(srq.close(), 0);
}

// What the program says of a receive queue does not count when there is none.
TEST_F(Srqs, MakeTheQueuePairsOwnReceiveQueueSuperfluous) {
    const Srq srq = create_srq(pd().get(), {16, 1, 0});
    SideOptions options;
    options.cap.max_recv_wr = UINT32_MAX;
    options.cap.max_recv_sge = UINT32_MAX;
    LocalSide side(context(), options, nullptr, srq.get());
    join(side, side);
    ibv_recv_wr wr{};
    ibv_recv_wr *bad = nullptr;
    EXPECT_EQ(ibv_post_recv(side.qp(), &wr, &bad), EINVAL);
    EXPECT_EQ(bad, &wr);
    ibv_qp_attr attr{};
    ibv_qp_init_attr init{};
    ASSERT_EQ(ibv_query_qp(side.qp(), &attr, IBV_QP_STATE, &init), 0);
    EXPECT_EQ(init.srq, srq.get());
}

// The queue on the receiving side, wherever that is.
class SharedReceives : public RcTest {
protected:
    void SetUp() override {
        RcTest::SetUp();
        if (!IsSkipped()) require_feature("srq");
    }
    void connect_srq(ibv_qp_type type = IBV_QPT_RC) {
        connect(plain_options(type), srq_options(type));
    }
    Sending to_there(uint64_t id, const Slices &data) {
        return make_send(id, data).to(there().address(), PathOptions().qkey);
    }
};
VERBS_TEST_EVERYWHERE(SharedReceives);

TEST_P(SharedReceives, AreTakenInTheOrderOfPosting) {
    connect_srq();
    here().store(0, pattern(1, 1000));
    for (uint32_t i = 0; i < 50; ++i) {
        ASSERT_EQ(there().post_srq_recv(100 + i, {{i * 500, 200}, {i * 500 + 250, 200}}), 0);
    }
    for (uint32_t i = 0; i < 50; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{i, 4 * i + 1}})), 0);
    }
    const std::vector<ibv_wc> received = there().received(50);
    for (uint32_t i = 0; i < 50; ++i) {
        ASSERT_TRUE(succeeded(received[i], 100 + i, IBV_WC_RECV));
        EXPECT_EQ(received[i].byte_len, 4 * i + 1);
        EXPECT_EQ(received[i].qp_num, there().address().qp_num);
        EXPECT_EQ(there().load(i * 500, 4 * i + 1), here().load(i, 4 * i + 1));
    }
    EXPECT_EQ(here().sent(50).size(), 50u);
}

TEST_P(SharedReceives, TakeLongMessagesAndWritesWithImmediate) {
    connect_srq();
    here().store(0, pattern(2, 60000));
    ASSERT_EQ(there().post_srq_recv(1, {{0, 60000}}), 0);
    ASSERT_EQ(there().post_srq_recv(2, {}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 60000}})), 0);
    ASSERT_EQ(here().post_send(make_write(4, {{0, 100}}, there().at(60000)).with_imm(9)), 0);
    const ibv_wc first = there().received();
    ASSERT_TRUE(succeeded(first, 1, IBV_WC_RECV));
    EXPECT_EQ(first.byte_len, 60000u);
    EXPECT_TRUE(there().load(0, 60000) == pattern(2, 60000));
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV_RDMA_WITH_IMM));
    EXPECT_EQ(here().sent(2).size(), 2u);
}

TEST_P(SharedReceives, ServeDatagrams) {
    connect_srq(IBV_QPT_UD);
    here().store(0, pattern(3, 100));
    ASSERT_EQ(there().post_srq_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(to_there(2, {{0, 100}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, kGrh + 100);
    EXPECT_EQ(wc.src_qp, here().address().qp_num);
    EXPECT_EQ(there().load(1000 + kGrh, 100), pattern(3, 100));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(SharedReceives, ServeUnreliableConnections) {
    require_feature("uc");
    if (IsSkipped()) return;
    connect_srq(IBV_QPT_UC);
    here().store(0, pattern(4, 100));
    ASSERT_EQ(there().post_srq_recv(1, {{1000, 500}}), 0);
    ASSERT_EQ(here().post_send(make_send(2, {{0, 100}})), 0);
    const ibv_wc wc = there().received();
    ASSERT_TRUE(succeeded(wc, 1, IBV_WC_RECV));
    EXPECT_EQ(wc.byte_len, 100u);
    EXPECT_EQ(there().load(1000, 100), pattern(4, 100));
    EXPECT_TRUE(succeeded(here().sent(), 2, IBV_WC_SEND));
}

TEST_P(SharedReceives, ThatComeLateEndTheWaitOfTheSender) {
    connect_srq();
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(never([&] { return !is_empty(here().send_cq()); }));
    ASSERT_EQ(there().post_srq_recv(2, {{0, 8}}), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(here().sent(), 1, IBV_WC_SEND));
}

TEST_P(SharedReceives, ThatDoNotComeExhaustTheRetriesOfTheSender) {
    SideOptions impatient;
    impatient.path.rnr_retry = 2;
    connect(impatient, srq_options());
    ASSERT_EQ(here().post_send(make_send(1, {{0, 8}})), 0);
    EXPECT_TRUE(ended(here().sent(), 1, IBV_WC_RNR_RETRY_EXC_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
}

TEST_P(SharedReceives, ThatAreTooShortFailTheMessageAndNothingElse) {
    connect_srq();
    ASSERT_EQ(there().post_srq_recv(1, {{0, 8}}), 0);
    ASSERT_EQ(there().post_srq_recv(2, {{0, 64}}), 0);
    ASSERT_EQ(here().post_send(make_send(3, {{0, 9}})), 0);
    EXPECT_TRUE(ended(there().received(), 1, IBV_WC_LOC_LEN_ERR));
    EXPECT_TRUE(ended(here().sent(), 3, IBV_WC_REM_INV_REQ_ERR));
    join(here(), there());
    ASSERT_EQ(here().post_send(make_send(4, {{0, 9}})), 0);
    EXPECT_TRUE(succeeded(there().received(), 2, IBV_WC_RECV)) << "it was not flushed";
    EXPECT_TRUE(succeeded(here().sent(), 4, IBV_WC_SEND));
}

TEST_P(SharedReceives, OutliveTheResetOfTheirQueuePair) {
    connect_srq();
    for (uint64_t i = 0; i < 3; ++i) {
        ASSERT_EQ(there().post_srq_recv(i, {{0, 64}}), 0);
    }
    ASSERT_EQ(here().change_state(IBV_QPS_RESET), 0);
    ASSERT_EQ(there().change_state(IBV_QPS_RESET), 0);
    join(here(), there());
    for (uint64_t i = 0; i < 3; ++i) {
        ASSERT_EQ(here().post_send(make_send(i, {{0, 8}})), 0);
        EXPECT_TRUE(succeeded(there().received(), i, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(here().sent(), i, IBV_WC_SEND));
    }
}

TEST_P(SharedReceives, KeepComingRoundAfterRound) {
    connect_srq();
    here().store(0, pattern(5, 4096));
    for (uint32_t round = 0; round < static_cast<uint32_t>(iterations(100)); ++round) {
        for (uint32_t i = 0; i < 16; ++i) {
            ASSERT_EQ(there().post_srq_recv(i, {{i * 256, 256}}), 0) << "round " << round;
        }
        for (uint32_t i = 0; i < 16; ++i) {
            const Sending request = make_send(i, {{round % 64 + i, 200}});
            ASSERT_EQ(here().post_send(i == 15 ? request : request.unsignaled()), 0);
        }
        const std::vector<ibv_wc> received = there().received(16);
        for (uint32_t i = 0; i < 16; ++i) {
            ASSERT_TRUE(succeeded(received[i], i, IBV_WC_RECV));
        }
        ASSERT_EQ(there().load(15 * 256, 200), here().load(round % 64 + 15, 200));
        ASSERT_TRUE(succeeded(here().sent(), 15, IBV_WC_SEND));
    }
}

TEST_P(SharedReceives, TellTheirSizeAndTakeALimitWhereverTheyAre) {
    connect_srq();
    EXPECT_GE(there().srq_attributes().max_wr, 64u);
    ASSERT_EQ(there().modify_srq({0, 0, 1}, IBV_SRQ_LIMIT), 0);
    // The event that comes of it is not for this test.
    ASSERT_EQ(there().modify_srq({0, 0, 0}, IBV_SRQ_LIMIT), 0);
    EXPECT_EQ(there().srq_attributes().srq_limit, 0u);
}

// One queue for several queue pairs of this context, whose peers are where the parameter says.
class SharedByMany : public SharedReceives {
protected:
    struct Pair {
        std::unique_ptr<LocalSide> receiver;
        std::unique_ptr<Side> sender;
    };
    void SetUp() override {
        SharedReceives::SetUp();
        if (IsSkipped()) return;
        make_nonblocking(context()->async_fd);
        owner_ = std::make_unique<LocalSide>(context(), srq_options());
    }
    // Uses the queue of the owner, from a protection domain of its own.
    Pair pair(ibv_qp_type type = IBV_QPT_RC) {
        Pair result{
            std::make_unique<LocalSide>(context(), plain_options(type), nullptr, owner_->srq()),
            make_there(GetParam(), plain_options(type))};
        join(*result.receiver, *result.sender);
        return result;
    }
    static void send(Pair &pair, uint64_t id, uint32_t length) {
        const Sending request = make_send(id, {{0, length}});
        ASSERT_EQ(pair.sender->post_send(request.to(pair.receiver->address(), PathOptions().qkey)),
                  0);
    }
    // The next event of the context, acknowledged.
    std::optional<ibv_async_event> event(Milliseconds limit = patience()) {
        ibv_async_event what{};
        if (!wait_readable(context()->async_fd, limit)) return std::nullopt;
        if (ibv_get_async_event(context(), &what) != 0) return std::nullopt;
        ibv_ack_async_event(&what);
        return what;
    }
    LocalSide &owner() { return *owner_; }

private:
    std::unique_ptr<LocalSide> owner_;
};
VERBS_TEST_EVERYWHERE(SharedByMany);

TEST_P(SharedByMany, FeedsQueuePairsOfEveryKindAndTellsThemApart) {
    std::vector<Pair> pairs;
    pairs.push_back(pair(IBV_QPT_RC));
    pairs.push_back(pair(IBV_QPT_RC));
    pairs.push_back(pair(IBV_QPT_UD));
    std::set<uint64_t> ids;
    for (uint64_t i = 0; i < 30; ++i) {
        ASSERT_EQ(owner().post_srq_recv(i, {{i * 512, 512}}), 0);
    }
    for (uint32_t round = 0; round < 10; ++round) {
        for (uint32_t i = 0; i < 3; ++i) {
            pairs[i].sender->store(0, pattern(round * 3 + i, 100 + i));
            ASSERT_NO_FATAL_FAILURE(send(pairs[i], round, 100 + i));
            // One at a time, so that the order in which they come is known.
            const ibv_wc wc = pairs[i].receiver->received();
            const uint32_t head = i == 2 ? kGrh : 0;
            ASSERT_TRUE(succeeded(wc, round * 3 + i, IBV_WC_RECV));
            EXPECT_EQ(wc.qp_num, pairs[i].receiver->qp()->qp_num);
            EXPECT_EQ(wc.byte_len, head + 100 + i);
            EXPECT_EQ(owner().load(wc.wr_id * 512 + head, 100 + i),
                      pattern(round * 3 + i, 100 + i));
            ASSERT_TRUE(succeeded(pairs[i].sender->sent(), round, IBV_WC_SEND));
        }
    }
}

TEST_P(SharedByMany, GivesEachRequestToOneMessageWhenAllSendAtOnce) {
    std::vector<Pair> pairs;
    for (int i = 0; i < 3; ++i) {
        pairs.push_back(pair());
    }
    for (uint64_t i = 0; i < 60; ++i) {
        ASSERT_EQ(owner().post_srq_recv(i, {{i * 512, 512}}), 0);
    }
    for (uint32_t i = 0; i < 20; ++i) {
        for (uint32_t j = 0; j < 3; ++j) {
            ASSERT_NO_FATAL_FAILURE(send(pairs[j], i, 20 * j + i + 1));
        }
    }
    std::set<uint64_t> ids;
    for (uint32_t j = 0; j < 3; ++j) {
        const std::vector<ibv_wc> wcs = pairs[j].receiver->received(20);
        for (uint32_t i = 0; i < 20; ++i) {
            ASSERT_EQ(wcs[i].status, IBV_WC_SUCCESS);
            EXPECT_EQ(wcs[i].qp_num, pairs[j].receiver->qp()->qp_num);
            EXPECT_EQ(wcs[i].byte_len, 20 * j + i + 1) << "each connection keeps its order";
            EXPECT_TRUE(ids.insert(wcs[i].wr_id).second) << "request " << wcs[i].wr_id;
        }
        EXPECT_EQ(pairs[j].sender->sent(20).size(), 20u);
    }
    EXPECT_EQ(ids.size(), 60u);
}

TEST_P(SharedByMany, LetsOneWaitForWhatAnotherDoesNotNeed) {
    Pair first = pair();
    Pair second = pair();
    ASSERT_NO_FATAL_FAILURE(send(first, 1, 10));
    ASSERT_NO_FATAL_FAILURE(send(second, 2, 20));
    ASSERT_EQ(owner().post_srq_recv(3, {{0, 64}}), 0);
    ASSERT_EQ(owner().post_srq_recv(4, {{64, 64}}), 0);
    const ibv_wc to_first = first.receiver->received();
    const ibv_wc to_second = second.receiver->received();
    EXPECT_EQ(to_first.status, IBV_WC_SUCCESS);
    EXPECT_EQ(to_second.status, IBV_WC_SUCCESS);
    EXPECT_EQ(to_first.byte_len, 10u);
    EXPECT_EQ(to_second.byte_len, 20u);
    EXPECT_EQ(to_first.wr_id + to_second.wr_id, 7u);
    EXPECT_TRUE(succeeded(first.sender->sent(), 1, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(second.sender->sent(), 2, IBV_WC_SEND));
}

TEST_P(SharedByMany, TakesItsBuffersFromItsOwnDomain) {
    Pair one = pair();
    // A region of the queue pair's domain, which is not the queue's.
    ibv_sge foreign = one.receiver->region().sge(0, 64);
    ibv_recv_wr wr{};
    wr.wr_id = 1;
    wr.sg_list = &foreign;
    wr.num_sge = 1;
    ibv_recv_wr *bad = nullptr;
    ASSERT_EQ(ibv_post_srq_recv(owner().srq(), &wr, &bad), 0);
    ASSERT_NO_FATAL_FAILURE(send(one, 2, 8));
    EXPECT_TRUE(ended(one.receiver->received(), 1, IBV_WC_LOC_PROT_ERR));
    EXPECT_TRUE(ended(one.sender->sent(), 2, IBV_WC_REM_OP_ERR));
}

TEST_P(SharedByMany, TellsOnceThatItRunsLow) {
    Pair one = pair();
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_EQ(owner().post_srq_recv(i, {{0, 64}}), 0);
    }
    ASSERT_EQ(owner().modify_srq({0, 0, 5}, IBV_SRQ_LIMIT), 0);
    const auto take = [&](uint64_t id) {
        send(one, id, 8);
        EXPECT_TRUE(succeeded(one.receiver->received(), id, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(one.sender->sent(), id, IBV_WC_SEND));
    };
    for (uint64_t i = 0; i < 5; ++i) {
        take(i);
    }
    EXPECT_FALSE(event(kQuiet)) << "five are left, which is not below five";
    EXPECT_EQ(owner().srq_attributes().srq_limit, 5u);
    take(5);
    const auto low = event();
    ASSERT_TRUE(low);
    EXPECT_EQ(low->event_type, IBV_EVENT_SRQ_LIMIT_REACHED) << ibv_event_type_str(low->event_type);
    EXPECT_EQ(low->element.srq, owner().srq());
    EXPECT_EQ(owner().srq_attributes().srq_limit, 0u) << "it has fired";
    take(6);
    EXPECT_FALSE(event(kQuiet)) << "until it is set again";
    ASSERT_EQ(owner().modify_srq({0, 0, 3}, IBV_SRQ_LIMIT), 0);
    take(7);
    const auto again = event();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->event_type, IBV_EVENT_SRQ_LIMIT_REACHED);
}

TEST_P(SharedByMany, IsNoPartOfTheErrorOfOneQueuePair) {
    Pair failing = pair();
    Pair lasting = pair();
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(owner().post_srq_recv(i, {{0, 64}}), 0);
    }
    ASSERT_EQ(failing.receiver->change_state(IBV_QPS_ERR), 0);
    const auto last = event();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->event_type, IBV_EVENT_QP_LAST_WQE_REACHED)
        << ibv_event_type_str(last->event_type);
    EXPECT_EQ(last->element.qp, failing.receiver->qp());
    EXPECT_TRUE(is_empty(failing.receiver->recv_cq())) << "nothing is flushed";
    EXPECT_EQ(failing.receiver->post_recv(9, {{0, 64}}), EINVAL) << "it has no queue of its own";
    for (uint64_t i = 0; i < 5; ++i) {
        ASSERT_NO_FATAL_FAILURE(send(lasting, i, 8));
        EXPECT_TRUE(succeeded(lasting.receiver->received(), i, IBV_WC_RECV));
        EXPECT_TRUE(succeeded(lasting.sender->sent(), i, IBV_WC_SEND));
    }
    EXPECT_FALSE(event(kQuiet)) << "it is told once";
}

TEST_P(SharedByMany, TellsTheLastRequestOfAQueuePairThatItsPeerBroke) {
    Pair one = pair();
    RemotePlace place = one.receiver->at(0);
    place.rkey ^= 0x00ffff00;
    ASSERT_EQ(one.sender->post_send(make_write(1, {{0, 8}}, place)), 0);
    EXPECT_TRUE(ended(one.sender->sent(), 1, IBV_WC_REM_ACCESS_ERR));
    // The access error is an event of its own; their order is not laid down.
    std::set<int> seen;
    for (int i = 0; i < 2; ++i) {
        const auto what = event();
        ASSERT_TRUE(what);
        EXPECT_EQ(what->element.qp, one.receiver->qp());
        seen.insert(what->event_type);
    }
    EXPECT_EQ(seen, (std::set<int>{IBV_EVENT_QP_ACCESS_ERR, IBV_EVENT_QP_LAST_WQE_REACHED}));
}

TEST_P(SharedByMany, GoesOnWhenAQueuePairIsDestroyed) {
    ASSERT_EQ(owner().post_srq_recv(1, {{0, 64}}), 0);
    {
        const Pair gone = pair();
        EXPECT_EQ(owner().owned_srq().close(), EBUSY);
    }
    Pair one = pair();
    ASSERT_NO_FATAL_FAILURE(send(one, 2, 8));
    EXPECT_TRUE(succeeded(one.receiver->received(), 1, IBV_WC_RECV));
    EXPECT_TRUE(succeeded(one.sender->sent(), 2, IBV_WC_SEND));
}

}  // namespace
