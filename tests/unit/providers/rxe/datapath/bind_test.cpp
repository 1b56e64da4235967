// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Binding windows of type 1: a request in the send queue, and the key that follows from it.
#include "fake_kernel.hpp"

namespace {

using namespace verbs_test;

class Binding : public QueuePair {
protected:
    void SetUp() override {
        make(IBV_QPT_RC);
        qp.pd = mw.pd = mr.pd = &pd;
        mr.lkey = 0x301;
        mw.rkey = 0x4ff;
        mw.type = IBV_MW_TYPE_1;
        bind.wr_id = 5;
        bind.send_flags = IBV_SEND_SIGNALED;
        bind.bind_info = {&mr, 0x1000, 256, IBV_ACCESS_REMOTE_WRITE};
    }
    int refusal() {
        const auto bound = rxe::bind_mw(qp, mw, bind);
        return bound ? 0 : bound.error().code;
    }
    ibv_pd pd{};
    ibv_mr mr{};
    ibv_mw mw{};
    ibv_mw_bind bind{};
};

TEST_F(Binding, TakesTheNextKeyOfTheWindow) {
    ASSERT_EQ(refusal(), 0);
    EXPECT_EQ(mw.rkey, 0x400u) << "the low byte goes round";
    EXPECT_EQ(word_at(sends.oldest(), 12), uint32_t{IBV_WR_BIND_MW});
    EXPECT_EQ(word_at(sends.oldest(), 16), uint32_t{IBV_SEND_SIGNALED});
    EXPECT_EQ(word_at(sends.oldest(), 40), 0x301u);
    EXPECT_EQ(word_at(sends.oldest(), 44), 0x4ffu) << "the key that it has";
    EXPECT_EQ(word_at(sends.oldest(), 48), 0x400u) << "the key that it gets";
    EXPECT_EQ(commands.count(), 1);
}

TEST_F(Binding, ToNothingNeedsNoRegion) {
    bind.bind_info = {};
    ASSERT_EQ(refusal(), 0);
    EXPECT_EQ(long_at(sends.oldest(), 32), 0u) << "length";
    EXPECT_EQ(word_at(sends.oldest(), 40), 0u);
}

TEST_F(Binding, AcrossProtectionDomainsIsRefused) {
    ibv_pd other{};
    mw.pd = &other;
    EXPECT_EQ(refusal(), EPERM);
}

TEST_F(Binding, ThatIsRefusedLeavesTheKey) {
    qp.state = IBV_QPS_INIT;
    EXPECT_EQ(refusal(), EINVAL);
    qp.state = IBV_QPS_RTS;
    ibv_send_wr wr = request(IBV_WR_SEND);
    while (post(wr) == 0) {
    }
    EXPECT_EQ(refusal(), ENOMEM);
    EXPECT_EQ(mw.rkey, 0x4ffu);
}

}  // namespace
