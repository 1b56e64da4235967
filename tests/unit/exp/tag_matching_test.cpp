// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <infiniband/tm_types.h>

#include <cstddef>

namespace {

class TagMatching : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        cq = ibv_create_cq(context, 8, nullptr, nullptr, 0);
        ASSERT_NE(cq, nullptr);
        attr.srq_context = this;
        attr.attr.max_wr = 8;
        attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ |
                         IBV_SRQ_INIT_ATTR_TM;
        attr.srq_type = IBV_SRQT_TM;
        attr.pd = pd;
        attr.cq = cq;
        attr.tm_cap = {16, 4};
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_destroy_cq(cq), 0);
        ExtendedDevice::TearDown();
    }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_create_srq_ex(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("create_srq_ex"), 0);
    }

    ibv_cq *cq = nullptr;
    ibv_srq_init_attr_ex attr{};
};

class TagOperations : public TagMatching {
protected:
    void SetUp() override {
        TagMatching::SetUp();
        srq = ibv_create_srq_ex(context, &attr);
        ASSERT_NE(srq, nullptr) << verbs_last_error();
        ops[0].next = &ops[1];
    }
    void TearDown() override {
        EXPECT_EQ(ibv_destroy_srq(srq), 0);
        TagMatching::TearDown();
    }

    ibv_srq *srq = nullptr;
    ibv_ops_wr ops[2]{};
    ibv_ops_wr *bad = nullptr;
};

}  // namespace

// As rdma-core's <infiniband/tm_types.h>: they travel between the two.
static_assert(sizeof(ibv_tmh) == 16 && offsetof(ibv_tmh, app_ctx) == 4 &&
              offsetof(ibv_tmh, tag) == 8);
static_assert(sizeof(ibv_rvh) == 16 && offsetof(ibv_rvh, rkey) == 8 &&
              offsetof(ibv_rvh, len) == 12);
static_assert(IBV_TMH_NO_TAG == 0 && IBV_TMH_RNDV == 1 && IBV_TMH_FIN == 2 && IBV_TMH_EAGER == 3);

TEST_F(TagMatching, QueueGetsWhatWasAskedFor) {
    errno = kUntouched;
    ibv_srq *srq = ibv_create_srq_ex(context, &attr);
    ASSERT_NE(srq, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(last.srq.srq_type, IBV_SRQT_TM);
    EXPECT_EQ(last.srq.cq, cq);
    EXPECT_EQ(last.srq.tm_cap.max_num_tags, 16u);
    EXPECT_EQ(last.srq.tm_cap.max_ops, 4u);
    EXPECT_EQ(srq->context, context);
    EXPECT_EQ(srq->srq_context, this);
    EXPECT_EQ(srq->pd, pd);
    EXPECT_EQ(attr.attr.max_sge, 7u) << "as the provider has it";
    EXPECT_EQ(ibv_destroy_srq(srq), 0);
}

TEST_F(TagMatching, QueueIsRefusedForWhatIsMissingOrDoesNotBelongThere) {
    constexpr const char *kMissing = "a shared receive queue of the type TM needs a CQ and tm_cap";
    const std::uint32_t all = attr.comp_mask;
    attr.comp_mask = all & ~std::uint32_t{IBV_SRQ_INIT_ATTR_CQ};
    expect_refusal(EINVAL, kMissing);
    attr.comp_mask = all & ~std::uint32_t{IBV_SRQ_INIT_ATTR_TM};
    expect_refusal(EINVAL, kMissing);
    attr.comp_mask = all & ~std::uint32_t{IBV_SRQ_INIT_ATTR_PD};
    expect_refusal(EINVAL, kMissing);
    attr.comp_mask = all | IBV_SRQ_INIT_ATTR_XRCD;
    expect_refusal(EINVAL, "a shared receive queue of the type TM has no XRC domain");
    attr.comp_mask = all;
    attr.cq = nullptr;
    expect_refusal(EINVAL, kMissing);
    ibv_cq foreign{};
    attr.cq = &foreign;
    expect_refusal(EINVAL, "cq belongs to another open device");
}

TEST_F(TagOperations, GoToTheProviderAsTheyAre) {
    errno = kUntouched;
    EXPECT_EQ(ibv_post_srq_ops(srq, ops, &bad), 0);
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(last.ops_of, srq);
    EXPECT_EQ(last.ops, ops);
    EXPECT_EQ(bad, nullptr);
}

TEST_F(TagOperations, TellWhichOfThemDidNotGo) {
    fail("post_srq_ops", ENOMEM, "unheard");
    EXPECT_EQ(ibv_post_srq_ops(srq, ops, &bad), ENOMEM);
    EXPECT_EQ(bad, &ops[1]);
    EXPECT_STREQ(verbs_last_error(),
                 "there is no room for another tagged buffer, or for an operation");
    fail("post_srq_ops", EINVAL, "unheard");
    EXPECT_EQ(ibv_post_srq_ops(srq, ops, &bad), EINVAL);
    EXPECT_STREQ(verbs_last_error(),
                 "the queue does not match tags, or an operation is not one that it can do");
    fail_nothing();
}

TEST_F(TagOperations, AreRefusedWithoutTheirArguments) {
    EXPECT_EQ(ibv_post_srq_ops(nullptr, ops, &bad), EINVAL);
    EXPECT_EQ(ibv_post_srq_ops(srq, nullptr, &bad), EINVAL);
    EXPECT_EQ(ibv_post_srq_ops(srq, ops, nullptr), EINVAL);
    EXPECT_EQ(fake.calls_of("post_srq_ops"), 0);
}
