// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class ExtendedCq : public verbs_test::ExtendedDevice {
protected:
    ExtendedCq() { attr.cqe = 8; }

    void expect_refusal(int code, const char *reason) {
        errno = 0;
        EXPECT_EQ(ibv_create_cq_ex(context, &attr), nullptr);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
        EXPECT_EQ(fake.calls_of("create_cq_ex"), 0);
    }

    void SetUp() override {
        ExtendedDevice::SetUp();
        const std::lock_guard guard(fake.lock);
        fake.calls.clear();
    }

    ibv_cq_init_attr_ex attr{};
};

}  // namespace

TEST_F(ExtendedCq, IsAStableCqAsWell) {
    ibv_comp_channel *channel = ibv_create_comp_channel(context);
    ASSERT_NE(channel, nullptr);
    attr.channel = channel;
    attr.cq_context = this;
    attr.comp_vector = 1;
    ibv_cq_ex *cq = ibv_create_cq_ex(context, &attr);
    ASSERT_NE(cq, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_EQ(cq->context, context);
    EXPECT_EQ(cq->channel, channel);
    EXPECT_EQ(cq->cq_context, this);
    EXPECT_EQ(cq->comp_events_completed, 0u);
    EXPECT_EQ(channel->refcnt, 1);
    EXPECT_EQ(ibv_resize_cq(ibv_cq_ex_to_cq(cq), 16), 0);
    EXPECT_EQ(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
    EXPECT_EQ(channel->refcnt, 0);
    EXPECT_EQ(ibv_destroy_comp_channel(channel), 0);
}

TEST_F(ExtendedCq, ReadsNoMoreThanTheMaskSays) {
    attr.flags = 0xdead;
    attr.parent_domain = reinterpret_cast<ibv_pd *>(8);
    ibv_cq_ex *cq = ibv_create_cq_ex(context, &attr);
    ASSERT_NE(cq, nullptr) << verbs_last_error();
    EXPECT_EQ(last.cq.flags, 0u);
    EXPECT_EQ(last.cq.parent_domain, nullptr);
    EXPECT_EQ(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);

    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS;
    attr.flags = IBV_CREATE_CQ_ATTR_SINGLE_THREADED;
    cq = ibv_create_cq_ex(context, &attr);
    ASSERT_NE(cq, nullptr) << verbs_last_error();
    EXPECT_EQ(last.cq.flags, static_cast<std::uint32_t>(IBV_CREATE_CQ_ATTR_SINGLE_THREADED));
    EXPECT_EQ(last.cq.parent_domain, nullptr);
    EXPECT_EQ(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
}

TEST_F(ExtendedCq, RefusesWhatIsOutOfBounds) {
    attr.cqe = 0;
    expect_refusal(EINVAL, "a CQ needs room for 1 entry at least");
    attr.cqe = 1;
    attr.comp_vector = 2;
    expect_refusal(EINVAL, "no such completion vector");
    attr.comp_vector = 0;
    attr.comp_mask = 4;
    expect_refusal(EOPNOTSUPP, "unknown bits in comp_mask");
    attr.comp_mask = 0;
    attr.wc_flags = 1 << 12;
    expect_refusal(EOPNOTSUPP, "unknown bits in wc_flags");
}

TEST_F(ExtendedCq, RefusesWhatBelongsToAnotherDevice) {
    ibv_comp_channel channel{};
    attr.channel = &channel;
    expect_refusal(EINVAL, "channel belongs to another open device");
    attr.channel = nullptr;
    ibv_pd foreign{};
    attr.parent_domain = &foreign;
    attr.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD;
    expect_refusal(EINVAL, "parent_domain belongs to another open device");
}

TEST_F(ExtendedCq, RefusesNull) {
    EXPECT_EQ(ibv_create_cq_ex(nullptr, &attr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_create_cq_ex(context, nullptr), nullptr);
    EXPECT_STREQ(verbs_last_error(), "cq_attr is NULL");
}

TEST_F(ExtendedCq, TellsWhyTheProviderRefused) {
    fail("create_cq_ex", EOPNOTSUPP, "no timestamps here");
    EXPECT_EQ(ibv_create_cq_ex(context, &attr), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: create_cq_ex: no timestamps here");
}
