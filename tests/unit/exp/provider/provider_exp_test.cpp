// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <verbs/provider_exp.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using verbs::fail;
template <class T>
using Result = verbs::Result<T>;

std::string reason;  // that the provider gave last

constexpr verbs_host kHost = [] {
    verbs_host host{};
    host.set_reason = [](const char *text) { reason = text; };
    return host;
}();

// Has the experimental half, except modify_cq.
struct Device {
    Result<ibv_values_ex> query_rt_values_ex(uint32_t mask) {
        if (mask == 0) return fail(EINVAL, "nothing was asked for");
        ibv_values_ex values{};
        values.comp_mask = mask & IBV_VALUES_MASK_RAW_CLOCK;
        values.raw_clock.tv_nsec = 12;
        return values;
    }
    Result<ibv_cq_ex *> create_cq_ex(ibv_cq_init_attr_ex *attr) {
        if (attr->cqe == 0) throw std::bad_alloc();
        return &cq;
    }
    Result<ibv_qp *> create_qp_ex(ibv_qp_init_attr_ex *) { return fail(EOPNOTSUPP, "no QPs"); }
    static ibv_qp_ex *qp_to_qp_ex(ibv_qp *qp) noexcept { return reinterpret_cast<ibv_qp_ex *>(qp); }

    ibv_cq_ex cq{};
};

struct Without {};

class ProviderExpTest : public testing::Test {
protected:
    ProviderExpTest() {
        verbs::provider::Host::attach(&kHost, "test");
        reason.clear();
    }
    static constexpr verbs_provider_exp_ops kOps = verbs::provider::make_exp_ops<Device>();
    Device device_;
};

TEST_F(ProviderExpTest, LeavesSlotsOfMissingMethodsEmpty) {
    EXPECT_EQ(kOps.modify_cq, nullptr);
    EXPECT_NE(kOps.create_cq_ex, nullptr);
    constexpr auto kNone = verbs::provider::make_exp_ops<Without>();
    EXPECT_EQ(kNone.query_rt_values_ex, nullptr);
    EXPECT_EQ(kNone.create_cq_ex, nullptr);
    EXPECT_EQ(kNone.create_qp_ex, nullptr);
    EXPECT_EQ(kNone.qp_to_qp_ex, nullptr);
}

TEST_F(ProviderExpTest, LeavesOfTheMaskWhatIsAnswered) {
    ibv_values_ex values{};
    values.comp_mask = IBV_VALUES_MASK_RAW_CLOCK | IBV_VALUES_MASK_RESERVED;
    ASSERT_EQ(kOps.query_rt_values_ex(&device_, &values), 0);
    EXPECT_EQ(values.comp_mask, unsigned{IBV_VALUES_MASK_RAW_CLOCK});
    EXPECT_EQ(values.raw_clock.tv_nsec, 12);
    ibv_values_ex untouched{};
    untouched.raw_clock.tv_nsec = 1;
    EXPECT_EQ(kOps.query_rt_values_ex(&device_, &untouched), EINVAL);
    EXPECT_EQ(untouched.raw_clock.tv_nsec, 1);
}

TEST_F(ProviderExpTest, LetsNoExceptionOut) {
    ibv_cq_init_attr_ex attr{};
    ibv_cq_ex *cq = nullptr;
    EXPECT_EQ(kOps.create_cq_ex(&device_, &attr, &cq), ENOMEM);
    EXPECT_EQ(cq, nullptr);
    attr.cqe = 1;
    EXPECT_EQ(kOps.create_cq_ex(&device_, &attr, &cq), 0);
    EXPECT_EQ(cq, &device_.cq);
}

TEST_F(ProviderExpTest, GivesTheReasonOfARefusal) {
    ibv_qp_init_attr_ex attr{};
    ibv_qp *qp = nullptr;
    EXPECT_EQ(kOps.create_qp_ex(&device_, &attr, &qp), EOPNOTSUPP);
    EXPECT_EQ(reason, "no QPs");
    EXPECT_EQ(qp, nullptr);
}

}  // namespace
