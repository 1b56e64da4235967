// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Parent domains, which the kernel knows nothing of: what is busy is counted here.
#include "fake_rxe.hpp"

namespace verbs::test {
namespace {

class RxeParentDomain : public FakeRxe {
protected:
    ibv_pd *make(ibv_pd *pd, ibv_td *td = nullptr) {
        ibv_parent_domain_init_attr attr{};
        attr.pd = pd;
        attr.td = td;
        const auto parent = device_->alloc_parent_domain(&attr);
        EXPECT_TRUE(parent) << parent.error().phrase;
        return *parent;
    }
};

TEST_F(RxeParentDomain, IsTheDomainUnderneathToTheKernel) {
    const auto pd = device_->alloc_pd();
    ASSERT_TRUE(pd) << pd.error().phrase;
    const auto objects = objects_;
    ibv_pd *parent = make(*pd);
    EXPECT_EQ(parent->handle, (*pd)->handle);
    EXPECT_TRUE(device_->dealloc_pd(parent));
    EXPECT_EQ(objects_, objects);
    EXPECT_TRUE(device_->dealloc_pd(*pd));
}

TEST_F(RxeParentDomain, KeepsItsParts) {
    const auto pd = device_->alloc_pd();
    ibv_td_init_attr nothing{};
    const auto td = device_->alloc_td(&nothing);
    ASSERT_TRUE(pd && td);
    ibv_pd *parent = make(*pd, *td);
    EXPECT_EQ(device_->dealloc_pd(*pd).error().code, EBUSY);
    EXPECT_EQ(device_->dealloc_td(*td).error().code, EBUSY);
    EXPECT_TRUE(device_->dealloc_pd(parent));
    EXPECT_TRUE(device_->dealloc_td(*td));
    EXPECT_TRUE(device_->dealloc_pd(*pd));
}

TEST_F(RxeParentDomain, IsBusyWhileAnObjectIsThere) {
    const auto pd = device_->alloc_pd();
    ASSERT_TRUE(pd);
    ibv_pd *parent = make(*pd);
    char memory[8];
    const auto mr = device_->reg_mr(parent, memory, sizeof memory, 0, 0);
    ASSERT_TRUE(mr) << mr.error().phrase;
    EXPECT_EQ(device_->dealloc_pd(parent).error().code, EBUSY);
    EXPECT_TRUE(device_->dereg_mr(*mr));
    auto attr = qp_request(create_cq(), IBV_QPT_RC);
    const auto qp = device_->create_qp(parent, &attr);
    ASSERT_TRUE(qp) << qp.error().phrase;
    EXPECT_EQ(device_->dealloc_pd(parent).error().code, EBUSY);
    EXPECT_TRUE(device_->destroy_qp(*qp));
    EXPECT_TRUE(device_->dealloc_pd(parent));
}

TEST_F(RxeParentDomain, IsWhatACompletionQueueWantsAndNoPlainOne) {
    const auto pd = device_->alloc_pd();
    ASSERT_TRUE(pd);
    ibv_cq_init_attr_ex attr{};
    attr.cqe = 4;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD;
    attr.parent_domain = *pd;
    EXPECT_EQ(device_->create_cq_ex(&attr).error().code, EINVAL);
    ibv_pd *parent = make(*pd);
    attr.parent_domain = parent;
    const auto cq = device_->create_cq_ex(&attr);
    ASSERT_TRUE(cq) << cq.error().phrase;
    EXPECT_EQ(device_->dealloc_pd(parent).error().code, EBUSY);
    EXPECT_TRUE(device_->destroy_cq(reinterpret_cast<ibv_cq *>(*cq)));
    EXPECT_TRUE(device_->dealloc_pd(parent));
}

}  // namespace
}  // namespace verbs::test
