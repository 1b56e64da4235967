// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class ExtendedSrq : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        attr.srq_context = this;
        attr.attr.max_wr = 8;
        attr.attr.max_sge = 1;
        attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD;
        attr.srq_type = IBV_SRQT_BASIC;
        attr.pd = pd;
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_create_srq_ex(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("create_srq") + fake.calls_of("create_srq_ex"), 0);
    }

    ibv_srq_init_attr_ex attr{};
};

}  // namespace

TEST_F(ExtendedSrq, OfTheBasicTypeIsAStableOne) {
    errno = kUntouched;
    for (const std::uint32_t mask : {attr.comp_mask, std::uint32_t{IBV_SRQ_INIT_ATTR_PD}}) {
        attr.comp_mask = mask;
        ibv_srq *srq = ibv_create_srq_ex(context, &attr);
        ASSERT_NE(srq, nullptr) << verbs_last_error();
        EXPECT_EQ(errno, kUntouched);
        EXPECT_EQ(srq->context, context);
        EXPECT_EQ(srq->srq_context, this);
        EXPECT_EQ(srq->pd, pd);
        EXPECT_EQ(ibv_destroy_srq(srq), 0);
    }
    EXPECT_EQ(fake.calls_of("create_srq"), 2);
}

TEST_F(ExtendedSrq, IsReadNoFurtherThanTheMaskSays) {
    attr.comp_mask = IBV_SRQ_INIT_ATTR_PD;
    attr.srq_type = IBV_SRQT_XRC;
    ibv_srq *srq = ibv_create_srq_ex(context, &attr);
    ASSERT_NE(srq, nullptr) << verbs_last_error();
    EXPECT_EQ(ibv_destroy_srq(srq), 0);
}

TEST_F(ExtendedSrq, IsRefusedForTypesThatAreNotThere) {
#ifndef VERBS_HAVE_XRC
    attr.srq_type = IBV_SRQT_XRC;
    expect_refusal(EOPNOTSUPP, "this library was built without XRC");
#endif
#ifndef VERBS_HAVE_TAG_MATCHING
    attr.srq_type = IBV_SRQT_TM;
    expect_refusal(EOPNOTSUPP, "this library was built without tag matching");
#endif
    attr.srq_type = static_cast<ibv_srq_type>(9);
    expect_refusal(EINVAL, "there is no such type of shared receive queue");
}

TEST_F(ExtendedSrq, IsRefusedForWhatIsMissingOrDoesNotBelongThere) {
    attr.comp_mask = IBV_SRQ_INIT_ATTR_RESERVED | IBV_SRQ_INIT_ATTR_PD;
    expect_refusal(EINVAL, "unknown bits in comp_mask");
    attr.comp_mask = IBV_SRQ_INIT_ATTR_PD | IBV_SRQ_INIT_ATTR_CQ;
    expect_refusal(EINVAL, "a basic shared receive queue has no XRC domain, CQ or tags");
    attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE;
    expect_refusal(EINVAL, "a shared receive queue needs a protection domain");
    ibv_pd foreign{};
    attr.comp_mask = IBV_SRQ_INIT_ATTR_PD;
    attr.pd = &foreign;
    expect_refusal(EINVAL, "pd belongs to another open device");
    EXPECT_EQ(ibv_create_srq_ex(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_srq_ex(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
}

TEST_F(ExtendedSrq, TellsWhyTheProviderRefused) {
    fail("create_srq", ENOMEM, "too many");
    EXPECT_EQ(ibv_create_srq_ex(context, &attr), nullptr);
    EXPECT_EQ(errno, ENOMEM);
    EXPECT_STREQ(verbs_last_error(), "fake: create_srq: too many");
    fail_nothing();
}
