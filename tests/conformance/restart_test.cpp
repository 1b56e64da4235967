// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A process dies, and another one comes to have a queue pair of the same number. Nobody may take
// the one for the other.
#include "restart.hpp"

namespace {

using namespace verbs_test;

class RestartedPeer : public DeviceTest {
protected:
    static constexpr size_t kFirst = 16;

    void SetUp() override {
        DeviceTest::SetUp();
        if (IsSkipped()) return;
        SideOptions options;
        options.path.timeout = 14;
        options.path.retry_cnt = 1;
        std::vector<uint32_t> numbers;
        for (size_t i = 0; i < kFirst; ++i) {
            numbers.push_back(meet_and_kill(options));
        }
        second_ = std::make_unique<PeerProcess>("reborn");
        Message wanted;
        wanted.put_all(std::span<const uint32_t>(numbers));
        exchange().send(wanted);
        exchange().send_value(options.path);
        there_ = exchange().receive_value<QpAddress>(patience(120s));
        const auto found = std::ranges::find(numbers, there_.qp_num);
        if (found == numbers.end()) {
            GTEST_SKIP() << "no number came back in " << kRebirths << " tries";
        }
        here_ = sides_[static_cast<size_t>(found - numbers.begin())].get();
    }
    // The side here that had a connection to the number that came back.
    LocalSide &here() { return *here_; }
    Exchange &exchange() { return second_->exchange(); }
    PeerProcess &second() { return *second_; }
    [[nodiscard]] const QpAddress &there() const { return there_; }

private:
    // The number of a queue pair in a process that is gone, after one message to it.
    uint32_t meet_and_kill(const SideOptions &options) {
        LocalSide &side = *sides_.emplace_back(std::make_unique<LocalSide>(context(), options));
        RemoteSide first(options);
        join(side, first);
        EXPECT_EQ(first.post_recv(1, {{0, 100}}), 0);
        EXPECT_EQ(side.post_send(make_send(2, {{0, 100}})), 0);
        EXPECT_TRUE(succeeded(side.sent(), 2, IBV_WC_SEND));
        const uint32_t number = first.address().qp_num;
        first.kill();
        return number;
    }

    std::vector<std::unique_ptr<LocalSide>> sides_;
    LocalSide *here_ = nullptr;
    std::unique_ptr<PeerProcess> second_;
    QpAddress there_;
};

// The new one even claims to be connected to us, as the old one was.
TEST_F(RestartedPeer, GetsNothingOfAnOldConnectionAndSendsNothingIntoIt) {
    ASSERT_EQ(here().post_recv(3, {{0, 100}}), 0);
    exchange().send_value(here().address());
    exchange().receive_value<bool>();  // it has a receive and sends to us
    // The death of the old one ended our queue pair, whoever came after it.
    ASSERT_EQ(here().post_send(make_send(4, {{512, 100}})), 0);
    const ibv_wc wc = here().sent();
    EXPECT_EQ(wc.wr_id, 4u);
    EXPECT_TRUE(wc.status == IBV_WC_RETRY_EXC_ERR || wc.status == IBV_WC_WR_FLUSH_ERR)
        << ibv_wc_status_str(wc.status);
    EXPECT_TRUE(ended(here().received(), 3, IBV_WC_WR_FLUSH_ERR));
    EXPECT_EQ(here().state(), IBV_QPS_ERR);
    const auto told = exchange().receive_value<Rebirth>(patience(60s));
    EXPECT_EQ(told.sent, IBV_WC_RETRY_EXC_ERR);
    EXPECT_EQ(told.received, IBV_WC_WR_FLUSH_ERR);
    exchange().send_value(true);
    EXPECT_TRUE(second().ends_well());
}

TEST_F(RestartedPeer, CanBeConnectedToAnew) {
    must_connect_rc(here().qp(), there());
    ASSERT_EQ(here().post_recv(3, {{0, 100}}), 0);
    exchange().send_value(here().address());
    exchange().receive_value<bool>();
    ASSERT_EQ(here().post_send(make_send(4, {{512, 8}})), 0);
    EXPECT_TRUE(succeeded(here().sent(), 4, IBV_WC_SEND));
    EXPECT_TRUE(succeeded(here().received(), 3, IBV_WC_RECV));
    const auto told = exchange().receive_value<Rebirth>(patience(60s));
    EXPECT_EQ(told.sent, IBV_WC_SUCCESS);
    EXPECT_EQ(told.received, IBV_WC_SUCCESS);
    exchange().send_value(true);
    EXPECT_TRUE(second().ends_well());
}

}  // namespace
