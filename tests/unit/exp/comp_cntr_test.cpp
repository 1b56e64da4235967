// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <cstddef>
#include <cstring>

// As rdma-core 65 has them.
static_assert(sizeof(ibv_comp_cntr_caps) == 16 &&
              offsetof(ibv_comp_cntr_caps, supported_qp_attach_ops) == 12);
static_assert(sizeof(ibv_comp_cntr) == 16 && offsetof(ibv_comp_cntr, handle) == 8);
static_assert(sizeof(ibv_comp_cntr_init_attr) == 12);
static_assert(offsetof(ibv_comp_cntr_init_attr, type) == 4 &&
              offsetof(ibv_comp_cntr_init_attr, flags) == 8);
static_assert(sizeof(ibv_qp_attach_comp_cntr_attr) == 8 &&
              offsetof(ibv_qp_attach_comp_cntr_attr, op_mask) == 4);

namespace {

class CompCntr : public verbs_test::FakeQueuesOfExtendedDevice {
protected:
    void SetUp() override {
        FakeQueuesOfExtendedDevice::SetUp();
        counter_ = ibv_create_comp_cntr(context, &attr_);
        ASSERT_NE(counter_, nullptr) << verbs_last_error();
    }
    void TearDown() override {
        EXPECT_EQ(ibv_destroy_comp_cntr(counter_), 0);
        FakeQueuesOfExtendedDevice::TearDown();
    }

    ibv_comp_cntr_init_attr attr_{0, IBV_COMP_CNTR_TYPE_BYTES, 0};
    ibv_comp_cntr *counter_ = nullptr;
};

}  // namespace

TEST_F(CompCntr, TellsWhatTheDeviceCanDo) {
    ibv_comp_cntr_caps caps{};
    EXPECT_EQ(ibv_query_comp_cntr_caps(context, &caps), 0);
    EXPECT_EQ(caps.max_value, 1ull << 40);
    EXPECT_EQ(caps.max_counters, 7u);
    EXPECT_EQ(caps.supported_qp_attach_ops, unsigned{IBV_QP_ATTACH_COMP_CNTR_OP_SEND});
}

TEST_F(CompCntr, TellsAsMuchAsTheCallerKnows) {
    ibv_comp_cntr_caps caps[2]{{1, 1, 1}, {1, 1, 1}};
    EXPECT_EQ(_ibv_query_comp_cntr_caps(context, caps, 8), 0);
    EXPECT_EQ(caps[0].max_value, 1ull << 40);
    EXPECT_EQ(caps[0].max_counters, 1u);
    EXPECT_EQ(_ibv_query_comp_cntr_caps(context, caps, sizeof caps), 0);
    EXPECT_EQ(caps[0].max_counters, 7u);
    EXPECT_EQ(caps[1].max_value, 0u);
    EXPECT_EQ(caps[1].supported_qp_attach_ops, 0u);
}

TEST_F(CompCntr, IsTheProviders) {
    EXPECT_EQ(counter_->context, context);
    EXPECT_EQ(last.comp_cntr_type, IBV_COMP_CNTR_TYPE_BYTES);
}

TEST_F(CompCntr, HasTwoValues) {
    std::uint64_t value = 0;
    EXPECT_EQ(ibv_set_comp_cntr(counter_, 100), 0);
    EXPECT_EQ(ibv_set_err_comp_cntr(counter_, 200), 0);
    EXPECT_EQ(ibv_inc_comp_cntr(counter_, 1), 0);
    EXPECT_EQ(ibv_inc_err_comp_cntr(counter_, 2), 0);
    EXPECT_EQ(ibv_read_comp_cntr(counter_, &value), 0);
    EXPECT_EQ(value, 101u);
    EXPECT_EQ(ibv_read_err_comp_cntr(counter_, &value), 0);
    EXPECT_EQ(value, 202u);
}

TEST_F(CompCntr, IsAttachedToAQueuePair) {
    ibv_qp_attach_comp_cntr_attr attr{0, IBV_QP_ATTACH_COMP_CNTR_OP_RECV |
                                             IBV_QP_ATTACH_COMP_CNTR_OP_REMOTE_RDMA_WRITE};
    EXPECT_EQ(ibv_qp_attach_comp_cntr(qp, counter_, &attr), 0);
    EXPECT_EQ(last.counted_operations, attr.op_mask);
    fail("qp_attach_comp_cntr", EBUSY, "there is one");
    EXPECT_EQ(ibv_qp_attach_comp_cntr(qp, counter_, &attr), EBUSY);
    EXPECT_STREQ(verbs_last_error(), "fake: qp_attach_comp_cntr: there is one");
    fail_nothing();
}

TEST_F(CompCntr, IsNotAttachedForTheUnknown) {
    const auto refusal = [&](ibv_qp_attach_comp_cntr_attr attr) {
        return ibv_qp_attach_comp_cntr(qp, counter_, &attr);
    };
    EXPECT_EQ(refusal({1, IBV_QP_ATTACH_COMP_CNTR_OP_SEND}), EINVAL);
    EXPECT_EQ(refusal({0, 0}), EINVAL) << "no operation";
    EXPECT_EQ(refusal({0, 1u << 6}), EINVAL);
    ibv_qp_attach_comp_cntr_attr attr{0, IBV_QP_ATTACH_COMP_CNTR_OP_SEND};
    EXPECT_EQ(ibv_qp_attach_comp_cntr(nullptr, counter_, &attr), EINVAL);
    EXPECT_EQ(ibv_qp_attach_comp_cntr(qp, nullptr, &attr), EINVAL);
    EXPECT_EQ(ibv_qp_attach_comp_cntr(qp, counter_, nullptr), EINVAL);
    ibv_context elsewhere{};
    ibv_comp_cntr other{&elsewhere, 0};
    EXPECT_EQ(ibv_qp_attach_comp_cntr(qp, &other, &attr), EINVAL) << "of another device";
    EXPECT_EQ(fake.calls_of("qp_attach_comp_cntr"), 0);
}

TEST_F(CompCntr, IsNotMadeOfTheUnknown) {
    const auto refusal = [&](ibv_comp_cntr_init_attr attr) {
        errno = 0;
        EXPECT_EQ(ibv_create_comp_cntr(context, &attr), nullptr);
        return errno;
    };
    EXPECT_EQ(refusal({1, IBV_COMP_CNTR_TYPE_WRS, 0}), EINVAL);
    EXPECT_EQ(refusal({0, IBV_COMP_CNTR_TYPE_WRS, 1}), EINVAL);
    ibv_comp_cntr_init_attr odd{};
    const int type = 2;
    std::memcpy(&odd.type, &type, sizeof type);
    EXPECT_EQ(refusal(odd), EINVAL);
    EXPECT_EQ(fake.calls_of("create_comp_cntr"), 1);
    EXPECT_EQ(ibv_create_comp_cntr(context, nullptr), nullptr);
    EXPECT_EQ(errno, EINVAL);
    fail("create_comp_cntr", EOPNOTSUPP, "none of them");
    EXPECT_EQ(refusal(attr_), EOPNOTSUPP);
    EXPECT_STREQ(verbs_last_error(), "fake: create_comp_cntr: none of them");
    fail_nothing();
}

TEST_F(CompCntr, TellsWhyACallFails) {
    std::uint64_t value = 4711;
    EXPECT_EQ(ibv_read_comp_cntr(nullptr, &value), EINVAL);
    EXPECT_EQ(ibv_read_comp_cntr(counter_, nullptr), EINVAL);
    EXPECT_EQ(ibv_read_err_comp_cntr(counter_, nullptr), EINVAL);
    EXPECT_EQ(ibv_set_comp_cntr(nullptr, 1), EINVAL);
    EXPECT_EQ(ibv_inc_err_comp_cntr(nullptr, 1), EINVAL);
    EXPECT_EQ(ibv_destroy_comp_cntr(nullptr), EINVAL);
    EXPECT_EQ(ibv_query_comp_cntr_caps(context, nullptr), EINVAL);
    fail("read_comp_cntr", EIO, "gone");
    EXPECT_EQ(ibv_read_comp_cntr(counter_, &value), EIO);
    EXPECT_EQ(value, 4711u);
    fail("destroy_comp_cntr", EBUSY, "attached");
    EXPECT_EQ(ibv_destroy_comp_cntr(counter_), EBUSY);
    fail_nothing();
}
