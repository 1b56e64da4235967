// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fake_device.hpp"

namespace {

class MwApi : public verbs_test::FakeQueues {
protected:
    void SetUp() override {
        FakeQueues::SetUp();
        mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
        mr = ibv_reg_mr(pd, memory, sizeof memory, IBV_ACCESS_MW_BIND);
        ASSERT_TRUE(mw && mr);
        bind.bind_info.mr = mr;
        bind.bind_info.length = sizeof memory;
    }
    void TearDown() override {
        EXPECT_EQ(ibv_dealloc_mw(mw), 0);
        EXPECT_EQ(ibv_dereg_mr(mr), 0);
        FakeQueues::TearDown();
    }

    char memory[16] = {};
    ibv_mw *mw = nullptr;
    ibv_mr *mr = nullptr;
    ibv_mw_bind bind{};
};

}  // namespace

TEST_F(MwApi, HoldsWhatItWasMadeWith) {
    EXPECT_EQ(mw->context, context);
    EXPECT_EQ(mw->pd, pd);
    EXPECT_EQ(mw->type, IBV_MW_TYPE_1);
}

TEST_F(MwApi, HasTheNewKeyAfterABind) {
    const auto before = mw->rkey;
    EXPECT_EQ(ibv_bind_mw(qp, mw, &bind), 0);
    EXPECT_NE(mw->rkey, before);
}

TEST_F(MwApi, RefusesToBindAWindowOfType2) {
    mw->type = IBV_MW_TYPE_2;
    EXPECT_EQ(ibv_bind_mw(qp, mw, &bind), EINVAL);
}

TEST_F(MwApi, RefusesMemoryWithoutARegion) {
    bind.bind_info.mr = nullptr;
    EXPECT_EQ(ibv_bind_mw(qp, mw, &bind), EINVAL);
    bind.bind_info.length = 0;
    EXPECT_EQ(ibv_bind_mw(qp, mw, &bind), 0);
}

TEST_F(MwApi, RefusesARegionOfAnotherProtectionDomain) {
    ibv_pd *other = ibv_alloc_pd(context);
    mr->pd = other;
    EXPECT_EQ(ibv_bind_mw(qp, mw, &bind), EPERM);
    EXPECT_EQ(ibv_dealloc_pd(other), 0);
}
