// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Completion queues as objects: size, polling, lifetime. Events are in channel_test.cpp.
#include "side.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace verbs_test;

class CompletionQueue : public DeviceTest {
protected:
    [[nodiscard]] ibv_cq *create(int cqe, int vector = 0) const {
        return ibv_create_cq(context(), cqe, nullptr, nullptr, vector);
    }
    void expect_refused(int cqe, int vector = 0) const {
        errno = 0;
        const Cq cq(create(cqe, vector));
        EXPECT_FALSE(cq) << cqe << " entries, vector " << vector;
        EXPECT_EQ(errno, EINVAL) << cqe << " entries, vector " << vector;
    }
};

TEST_F(CompletionQueue, HasAtLeastTheSizeAskedFor) {
    for (const int cqe : {1, 2, 7, 64, 100, 4095, 4097, 65536}) {
        const Cq cq(create(cqe));
        ASSERT_TRUE(cq) << cqe;
        EXPECT_GE(cq->cqe, cqe);
    }
}

TEST_F(CompletionQueue, TellsWhatItWasMadeWith) {
    const Channel channel = create_channel(context());
    int mine = 0;
    const Cq cq = create_cq(context(), 16, channel.get(), &mine);
    EXPECT_EQ(cq->context, context());
    EXPECT_EQ(cq->channel, channel.get());
    EXPECT_EQ(cq->cq_context, &mine);
}

TEST_F(CompletionQueue, CanHaveTheLargestSizeTheDeviceOffers) {
    const int most = std::min(device_limits(context()).max_cqe, 4 * 1024 * 1024);
    const Cq cq(create(most));
    ASSERT_TRUE(cq);
    EXPECT_GE(cq->cqe, most);
    EXPECT_TRUE(is_empty(cq.get()));
}

TEST_F(CompletionQueue, IsRefusedWithoutAnyEntry) {
    expect_refused(0);
    expect_refused(-1);
}

TEST_F(CompletionQueue, IsRefusedWhenItIsTooLarge) {
    const int most = device_limits(context()).max_cqe;
    if (most < INT32_MAX) expect_refused(most + 1);
    expect_refused(INT32_MIN);
}

TEST_F(CompletionQueue, IsRefusedOnAVectorTheDeviceLacks) {
    expect_refused(16, context()->num_comp_vectors);
    expect_refused(16, -1);
}

TEST_F(CompletionQueue, CanUseEachVector) {
    for (int vector = 0; vector < context()->num_comp_vectors; ++vector) {
        EXPECT_TRUE(Cq(create(16, vector))) << vector;
    }
}

TEST_F(CompletionQueue, GivesNothingWhileItIsEmpty) {
    const Cq cq = create_cq(context());
    std::array<ibv_wc, 4> wcs{};
    EXPECT_EQ(ibv_poll_cq(cq.get(), 1, wcs.data()), 0);
    EXPECT_EQ(ibv_poll_cq(cq.get(), 4, wcs.data()), 0);
}

TEST_F(CompletionQueue, CanBeHadManyTimes) {
    std::vector<Cq> cqs;
    for (int i = 0; i < iterations(200); ++i) {
        cqs.push_back(create_cq(context(), 16));
    }
}

TEST_F(CompletionQueue, StaysWhileAQueuePairReportsToIt) {
    LocalSide side(context());
    EXPECT_EQ(ibv_destroy_cq(side.send_cq()), EBUSY);
    EXPECT_EQ(ibv_destroy_cq(side.recv_cq()), EBUSY);
}

// Completions of two sides in one context, made by posting to queue pairs in the error state.
class FilledQueue : public DeviceTest {
protected:
    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        SideOptions options;
        options.cqe = 64;
        side_ = std::make_unique<LocalSide>(context(), options);
        join(*side_, *side_);
    }
    void fill(uint64_t count) {
        for (uint64_t id = 0; id < count; ++id) {
            ASSERT_EQ(side_->post_recv(id, {}), 0);
        }
        ASSERT_EQ(side_->change_state(IBV_QPS_ERR), 0);
    }
    [[nodiscard]] ibv_cq *cq() const { return side_->recv_cq(); }

private:
    std::unique_ptr<LocalSide> side_;
};

TEST_F(FilledQueue, GivesNoMoreThanThereIsRoomFor) {
    fill(5);
    std::vector<ibv_wc> all = collect(cq(), 3);
    std::array<ibv_wc, 16> wcs{};
    wcs.fill(ibv_wc{});
    wcs[2].wr_id = 99;
    EXPECT_EQ(ibv_poll_cq(cq(), 2, wcs.data()), 2);
    EXPECT_EQ(wcs[2].wr_id, 99u);
    EXPECT_TRUE(is_empty(cq()));
}

TEST_F(FilledQueue, GivesNothingWhenThereIsNoRoom) {
    fill(3);
    ibv_wc wc{};
    wc.wr_id = 99;
    EXPECT_EQ(ibv_poll_cq(cq(), 0, &wc), 0);
    EXPECT_EQ(wc.wr_id, 99u);
    EXPECT_EQ(collect(cq(), 3).size(), 3u);
}

TEST_F(FilledQueue, GivesNothingWhenThereIsLessThanNoRoom) {
    fill(3);
    ibv_wc wc{};
    wc.wr_id = 99;
    EXPECT_EQ(ibv_poll_cq(cq(), -1, &wc), 0);
    EXPECT_EQ(wc.wr_id, 99u);
    EXPECT_EQ(collect(cq(), 3).size(), 3u);
}

TEST_F(FilledQueue, GivesCompletionsInOrderWhetherOneByOneOrTogether) {
    fill(40);
    uint64_t expected = 0;
    for (const size_t count : {1u, 7u, 16u, 2u, 14u}) {
        for (const ibv_wc &wc : collect(cq(), count)) {
            EXPECT_EQ(wc.wr_id, expected++);
        }
    }
    EXPECT_TRUE(is_empty(cq()));
}

class ResizedQueue : public FilledQueue {
protected:
    void SetUp() override {
        FilledQueue::SetUp();
        if (!IsSkipped()) require_feature("resize_cq");
    }
};

TEST_F(ResizedQueue, HasTheNewSize) {
    ASSERT_EQ(ibv_resize_cq(cq(), 1000), 0);
    EXPECT_GE(cq()->cqe, 1000);
}

TEST_F(ResizedQueue, KeepsItsCompletionsInOrder) {
    fill(20);
    EXPECT_EQ(collect(cq(), 3).size(), 3u);
    ASSERT_EQ(ibv_resize_cq(cq(), 500), 0);
    uint64_t expected = 3;
    for (const ibv_wc &wc : collect(cq(), 17)) {
        EXPECT_EQ(wc.wr_id, expected++);
    }
}

TEST_F(ResizedQueue, IsRefusedWhenItIsTooLarge) {
    const int most = device_limits(context()).max_cqe;
    if (most < INT32_MAX) {
        EXPECT_EQ(ibv_resize_cq(cq(), most + 1), EINVAL);
    }
    EXPECT_EQ(ibv_resize_cq(cq(), 0), EINVAL);
}

}  // namespace
