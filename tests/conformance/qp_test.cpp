// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Queue pairs as objects: what can be asked for at creation, what is granted, what is told back.
// Their states are in qp_state_test.cpp.
#include "side.hpp"

#include <algorithm>
#include <set>

namespace {

using namespace verbs_test;

class QueuePair : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        pd_ = alloc_pd(context());
        send_cq_ = create_cq(context());
        recv_cq_ = create_cq(context());
    }
    [[nodiscard]] ibv_qp_init_attr usual(ibv_qp_type type = IBV_QPT_RC) const {
        ibv_qp_init_attr init{};
        init.send_cq = send_cq_.get();
        init.recv_cq = recv_cq_.get();
        init.qp_type = type;
        init.cap = {16, 16, 2, 2, 0};
        return init;
    }
    [[nodiscard]] Qp create(ibv_qp_init_attr &init) const {
        errno = 0;
        return Qp(ibv_create_qp(pd_.get(), &init));
    }
    void expect_refused(const ibv_qp_cap &cap) const {
        ibv_qp_init_attr init = usual();
        init.cap = cap;
        const Qp qp = create(init);
        EXPECT_FALSE(qp);
        EXPECT_EQ(errno, EINVAL);
    }
    [[nodiscard]] ibv_pd *pd() const { return pd_.get(); }

private:
    Pd pd_;
    Cq send_cq_;
    Cq recv_cq_;
};

TEST_F(QueuePair, TellsWhatItWasMadeWith) {
    int mine = 0;
    ibv_qp_init_attr init = usual();
    init.qp_context = &mine;
    const Qp qp = create(init);
    ASSERT_TRUE(qp);
    EXPECT_EQ(qp->context, context());
    EXPECT_EQ(qp->qp_context, &mine);
    EXPECT_EQ(qp->pd, pd());
    EXPECT_EQ(qp->send_cq, init.send_cq);
    EXPECT_EQ(qp->recv_cq, init.recv_cq);
    EXPECT_EQ(qp->srq, nullptr);
    EXPECT_EQ(qp->qp_type, IBV_QPT_RC);
    EXPECT_EQ(qp->state, IBV_QPS_RESET);
}

TEST_F(QueuePair, HasANumberOfItsOwnThatFitsThePacket) {
    const Context second = open_device();
    const Pd second_pd = alloc_pd(second.get());
    const Cq second_cq = create_cq(second.get());
    std::set<uint32_t> numbers;
    std::vector<Qp> qps;
    for (int i = 0; i < 100; ++i) {
        ibv_qp_init_attr init = usual();
        qps.push_back(create(init));
        init.send_cq = second_cq.get();
        init.recv_cq = second_cq.get();
        qps.push_back(Qp(ibv_create_qp(second_pd.get(), &init)));
    }
    for (const Qp &qp : qps) {
        ASSERT_TRUE(qp);
        EXPECT_GT(qp->qp_num, 1u) << "0 and 1 are special";
        EXPECT_LT(qp->qp_num, 0xffffffu) << "24 bits, all ones is multicast";
        numbers.insert(qp->qp_num);
    }
    EXPECT_EQ(numbers.size(), qps.size());
}

TEST_F(QueuePair, DoesNotReuseANumberAtOnce) {
    ibv_qp_init_attr init = usual();
    const uint32_t number = create(init)->qp_num;
    EXPECT_NE(create(init)->qp_num, number);
}

TEST_F(QueuePair, HasAtLeastTheCapacitiesAskedFor) {
    for (const ibv_qp_cap &asked :
         {ibv_qp_cap{1, 1, 1, 1, 0}, ibv_qp_cap{3, 5, 1, 2, 1}, ibv_qp_cap{100, 1000, 2, 1, 60},
          ibv_qp_cap{1024, 1, 2, 2, 0}}) {
        ibv_qp_init_attr init = usual();
        init.cap = asked;
        const Qp qp = create(init);
        ASSERT_TRUE(qp);
        EXPECT_GE(init.cap.max_send_wr, asked.max_send_wr);
        EXPECT_GE(init.cap.max_recv_wr, asked.max_recv_wr);
        EXPECT_GE(init.cap.max_send_sge, asked.max_send_sge);
        EXPECT_GE(init.cap.max_recv_sge, asked.max_recv_sge);
        EXPECT_GE(init.cap.max_inline_data, asked.max_inline_data);
    }
}

TEST_F(QueuePair, CanHaveTheLargestCapacitiesTheDeviceOffers) {
    const ibv_device_attr limits = device_limits(context());
    ibv_qp_init_attr init = usual();
    init.cap = {static_cast<uint32_t>(limits.max_qp_wr), static_cast<uint32_t>(limits.max_qp_wr), 1,
                1, 0};
    EXPECT_TRUE(create(init));
    init = usual();
    init.cap.max_send_sge = static_cast<uint32_t>(limits.max_sge);
    init.cap.max_recv_sge = static_cast<uint32_t>(limits.max_sge);
    EXPECT_TRUE(create(init));
}

TEST_F(QueuePair, IsRefusedWithMoreRequestsThanTheDeviceOffers) {
    const auto most = static_cast<uint32_t>(device_limits(context()).max_qp_wr);
    expect_refused({most + 1, 1, 1, 1, 0});
    expect_refused({1, most + 1, 1, 1, 0});
    expect_refused({UINT32_MAX, 1, 1, 1, 0});
    expect_refused({1, UINT32_MAX, 1, 1, 0});
}

TEST_F(QueuePair, IsRefusedWithMorePiecesThanTheDeviceOffers) {
    const auto most = static_cast<uint32_t>(device_limits(context()).max_sge);
    expect_refused({1, 1, most + 1, 1, 0});
    expect_refused({1, 1, 1, most + 1, 0});
    expect_refused({1, 1, UINT32_MAX, 1, 0});
}

TEST_F(QueuePair, IsRefusedWithTooMuchInlineData) {
    expect_refused({1, 1, 1, 1, 1u << 30});
    expect_refused({1, 1, 1, 1, UINT32_MAX});
}

// As libfabric looks for the limit: doubling up to the first refusal.
TEST_F(QueuePair, HasALimitOfInlineDataThatCanBeFoundByTrying) {
    uint32_t asked = 2;
    for (; asked <= 1u << 24; asked *= 2) {
        ibv_qp_init_attr init = usual();
        init.cap.max_inline_data = asked;
        if (!create(init)) break;
    }
    EXPECT_GE(asked, 64u) << "not even 32 bytes go inline";
    EXPECT_LE(asked, 1u << 24) << "no limit was found";
}

TEST_F(QueuePair, IsRefusedWithATypeNobodyKnows) {
    for (const int type : {0, 1, 7, 100}) {
        ibv_qp_init_attr init = usual();
        std::memcpy(&init.qp_type, &type, sizeof type);
        const Qp qp = create(init);
        EXPECT_FALSE(qp) << "type " << type;
        EXPECT_TRUE(errno == EINVAL || errno == EOPNOTSUPP) << "errno " << errno;
    }
}

TEST_F(QueuePair, CanBeOfEachUsualType) {
    for (const ibv_qp_type type : {IBV_QPT_RC, IBV_QPT_UD}) {
        ibv_qp_init_attr init = usual(type);
        const Qp qp = create(init);
        ASSERT_TRUE(qp);
        EXPECT_EQ(qp->qp_type, type);
    }
}

TEST_F(QueuePair, MayUseOneCompletionQueueForBothDirections) {
    ibv_qp_init_attr init = usual();
    init.recv_cq = init.send_cq;
    EXPECT_TRUE(create(init));
}

TEST_F(QueuePair, TellsItsInitialAttributesWhenQueried) {
    int mine = 0;
    ibv_qp_init_attr init = usual();
    init.qp_context = &mine;
    init.sq_sig_all = 1;
    init.cap.max_inline_data = 32;
    const Qp qp = create(init);
    ASSERT_TRUE(qp);
    ibv_qp_attr attr{};
    ibv_qp_init_attr told{};
    ASSERT_EQ(ibv_query_qp(qp.get(), &attr, IBV_QP_STATE | IBV_QP_CAP, &told), 0);
    EXPECT_EQ(attr.qp_state, IBV_QPS_RESET);
    EXPECT_EQ(told.qp_context, &mine);
    EXPECT_EQ(told.send_cq, init.send_cq);
    EXPECT_EQ(told.recv_cq, init.recv_cq);
    EXPECT_EQ(told.srq, nullptr);
    EXPECT_EQ(told.qp_type, IBV_QPT_RC);
    EXPECT_EQ(told.sq_sig_all, 1);
    for (const ibv_qp_cap &cap : {attr.cap, told.cap}) {
        EXPECT_EQ(cap.max_send_wr, init.cap.max_send_wr);
        EXPECT_EQ(cap.max_recv_wr, init.cap.max_recv_wr);
        EXPECT_EQ(cap.max_send_sge, init.cap.max_send_sge);
        EXPECT_EQ(cap.max_recv_sge, init.cap.max_recv_sge);
        EXPECT_EQ(cap.max_inline_data, init.cap.max_inline_data);
    }
}

TEST_F(QueuePair, CanBeMadeAndDestroyedAgainAndAgain) {
    for (int i = 0; i < iterations(300); ++i) {
        ibv_qp_init_attr init = usual();
        Qp qp = create(init);
        ASSERT_TRUE(qp);
        ASSERT_EQ(rc_init().apply(qp.get()), 0);
        ASSERT_EQ(qp.close(), 0);
    }
}

TEST_F(QueuePair, CanBeDestroyedWithRequestsInIt) {
    LocalSide side(context());
    join(side, side);
    for (uint64_t id = 0; id < 10; ++id) {
        ASSERT_EQ(side.post_recv(id, {{0, 64}}), 0);
    }
    EXPECT_EQ(side.owned_qp().close(), 0);
}

}  // namespace
