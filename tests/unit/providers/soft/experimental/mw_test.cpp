// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Windows of type 2 where the device decides otherwise than the specification asks, or where only
// this device has an answer. What all devices do is in the conformance suite.
#include "loopback.hpp"

#include <array>

namespace soft_test {
namespace {

class SoftWindowType2 : public Loopback {
protected:
    void SetUp() override {
        cq_ = create_cq(IBV_WC_STANDARD_FLAGS);
        a_ = create_qp(cq_, IBV_QPT_RC, IBV_QP_EX_WITH_BIND_MW);
        connect(a_, a_->qp_base.qp_num);  // to itself
    }
    ibv_mw *window(int type) {
        const auto mw =
            type == IBV_MW_TYPE_1 ? device_->alloc_mw(pd_, type) : device_->alloc_mw_type_2(pd_);
        if (!mw) throw std::runtime_error(mw.error().phrase);
        (*mw)->type = static_cast<ibv_mw_type>(type);
        return *mw;
    }
    ibv_send_wr bind_of(ibv_mw *mw, unsigned access = IBV_ACCESS_REMOTE_READ) {
        ibv_send_wr wr{};
        wr.wr_id = 1;
        wr.opcode = IBV_WR_BIND_MW;
        wr.send_flags = IBV_SEND_SIGNALED;
        wr.bind_mw.mw = mw;
        if (mw != nullptr) wr.bind_mw.rkey = ibv_inc_rkey(mw->rkey);
        wr.bind_mw.bind_info = {mr_, reinterpret_cast<uintptr_t>(memory_.data()), memory_.size(),
                                access};
        return wr;
    }
    int post(ibv_send_wr wr) {
        ibv_send_wr *bad = nullptr;
        return context_.ops.post_send(&a_->qp_base, &wr, &bad);
    }

    std::array<char, 256> memory_{};
    ibv_mr *mr_ = *device_->reg_mr(pd_, memory_.data(), memory_.size(),
                                   reinterpret_cast<uintptr_t>(memory_.data()),
                                   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND);
    ibv_cq_ex *cq_ = nullptr;
    ibv_qp_ex *a_ = nullptr;
};

TEST_F(SoftWindowType2, IsNotThereForTheStableVerbs) {
    const auto mw = device_->alloc_mw(pd_, IBV_MW_TYPE_2);
    ASSERT_FALSE(mw);
    EXPECT_EQ(mw.error().code, EOPNOTSUPP);
    EXPECT_EQ(device_->query_device()->device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B, 0u);
}

TEST_F(SoftWindowType2, IsTheOnlyKindThatIsBoundByAPostedRequest) {
    EXPECT_EQ(post(bind_of(window(IBV_MW_TYPE_1))), EOPNOTSUPP);
    EXPECT_EQ(post(bind_of(nullptr)), EINVAL);
}

TEST_F(SoftWindowType2, IsNotBoundWithRightsThatNoWindowHas) {
    ibv_mw *mw = window(IBV_MW_TYPE_2);
    EXPECT_EQ(post(bind_of(mw, IBV_ACCESS_MW_BIND)), EINVAL);
    EXPECT_TRUE(device_->dealloc_mw(mw)) << "nothing is posted";
}

// The send queue rests, so that the bind waits in it.
TEST_F(SoftWindowType2, StaysWithItsRegionAsLongAsABindOfItIsPosted) {
    ibv_mw *mw = window(IBV_MW_TYPE_2);
    ibv_qp_attr attr{};
    attr.qp_state = IBV_QPS_SQD;
    modify(a_, attr, IBV_QP_STATE);
    ASSERT_EQ(post(bind_of(mw)), 0);
    EXPECT_EQ(device_->dealloc_mw(mw).error().code, EBUSY);
    EXPECT_EQ(device_->dereg_mr(mr_).error().code, EBUSY);
    attr.qp_state = IBV_QPS_ERR;
    modify(a_, attr, IBV_QP_STATE);
    EXPECT_TRUE(device_->dealloc_mw(mw));
    EXPECT_TRUE(device_->dereg_mr(mr_));
}

TEST_F(SoftWindowType2, GoesWithADeviceThatIsClosed) {
    ibv_mw *mw = window(IBV_MW_TYPE_2);
    ASSERT_EQ(post(bind_of(mw)), 0);
    wait(cq_);
    EXPECT_EQ(cq_->status, IBV_WC_SUCCESS);
    cq_->end_poll(cq_);
}

}  // namespace
}  // namespace soft_test
