// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loopback.hpp"

namespace soft_test {
namespace {

using SoftDeviceEx = Loopback;

TEST_F(SoftDeviceEx, TellsWhatItHasAndNoMore) {
    const auto attr = device_->query_device_ex();
    ASSERT_TRUE(attr) << attr.error().phrase;
    EXPECT_EQ(attr->orig_attr.max_qp, device_->query_device()->max_qp);
    EXPECT_EQ(attr->phys_port_cnt_ex, 1u);
    EXPECT_EQ(attr->completion_timestamp_mask, UINT64_MAX);
    EXPECT_EQ(attr->hca_core_clock, 1'000'000u);  // a tick is a nanosecond
    uint64_t flags = device_->query_device()->device_cap_flags;
#ifdef VERBS_HAVE_MW_TYPE_2
    flags |= IBV_DEVICE_MEM_WINDOW_TYPE_2B;
#endif
#ifdef VERBS_HAVE_XRC
    flags |= IBV_DEVICE_XRC;
#endif
    EXPECT_EQ(attr->orig_attr.device_cap_flags, flags);
#ifdef VERBS_HAVE_QP_EX
    flags |= IBV_DEVICE_ATOMIC_WRITE;
#endif
#ifdef VERBS_HAVE_FLUSH
    flags |= IBV_DEVICE_FLUSH_GLOBAL | IBV_DEVICE_FLUSH_PERSISTENT;
#endif
    EXPECT_EQ(attr->device_cap_flags_ex, flags);
    EXPECT_EQ(attr->odp_caps.general_caps, unsigned{IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT});
    const bool writes_atomically =
        (attr->odp_caps.per_transport_caps.rc_odp_caps & IBV_ODP_SUPPORT_ATOMIC_WRITE) != 0;
    EXPECT_EQ(writes_atomically, (flags & IBV_DEVICE_ATOMIC_WRITE) != 0);
    EXPECT_EQ(attr->tso_caps.max_tso, 0u);
    EXPECT_EQ(attr->rss_caps.supported_qpts, 0u);
    EXPECT_EQ(attr->cq_mod_caps.max_cq_count, 0u);
    EXPECT_EQ(attr->max_dm_size, 1u << 20);
#ifdef VERBS_HAVE_TAG_MATCHING
    EXPECT_EQ(attr->tm_caps.max_num_tags, 1024u);
    EXPECT_EQ(attr->tm_caps.flags, unsigned{IBV_TM_CAP_RC});
#else
    EXPECT_EQ(attr->tm_caps.max_num_tags, 0u);
    EXPECT_EQ(attr->tm_caps.flags, 0u);
#endif
}

TEST_F(SoftDeviceEx, HasAClockThatGoesForward) {
    const auto first = device_->query_rt_values_ex(IBV_VALUES_MASK_RAW_CLOCK);
    const auto second = device_->query_rt_values_ex(IBV_VALUES_MASK_RAW_CLOCK);
    ASSERT_TRUE(first && second);
    EXPECT_GT(first->raw_clock.tv_nsec, 0);
    EXPECT_GE(second->raw_clock.tv_nsec, first->raw_clock.tv_nsec);
}

TEST_F(SoftDeviceEx, AnswersNothingThatItWasNotAskedFor) {
    const auto values = device_->query_rt_values_ex(0);
    ASSERT_TRUE(values);
    EXPECT_EQ(values->comp_mask, 0u);
    EXPECT_EQ(values->raw_clock.tv_nsec, 0);
}

}  // namespace
}  // namespace soft_test
