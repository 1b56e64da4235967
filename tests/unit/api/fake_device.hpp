// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The public functions over a device of the fake provider. The providers of a process are looked
// for once, so all tests of the program share one folder of manifests.
#pragma once

#include "support/deadline.hpp"
#include "support/fake_provider.hpp"
#include "support/folder.hpp"

#include <gtest/gtest.h>
#include <infiniband/verbs.h>

#include <cerrno>

namespace verbs_test {

// The address sanitizer does not see that a cancelled thread leaves its frames, and then takes the
// thread's own end for an error.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kCanCancelThreads = false;
#else
inline constexpr bool kCanCancelThreads = true;
#endif

inline void use_fake_provider() {
    static const Folder folder;
    static const bool is_set = [] {
        folder.write("10-fake.json", manifest_of("fake", VERBS_TEST_FAKE_PROVIDER));
        ::setenv("VERBS_PROVIDERS", folder.path().c_str(), 1);
        ::unsetenv("VERBS_PROVIDERS_EXTRA");
        return true;
    }();
    (void)is_set;
}

class FakeDevice : public testing::Test {
protected:
    FakeDevice() {
        use_fake_provider();
        fake.devices = {fake_device("fake0")};
        fake.failing_slot.clear();
        fake.code = 0;
        fake.reason.clear();
        fake.throws = FakeState::Throws::nothing;
        fake.gids.clear();
        fake.table_length.reset();
        fake.pkeys_be.clear();
        fake.retires = true;
    }

    // The slot fails with this number from now on.
    void fail(const std::string &slot, int code, const std::string &reason = "") {
        fake.failing_slot = slot;
        fake.code = code;
        fake.reason = reason;
    }
    void fail_nothing() { fake.failing_slot.clear(); }

    FakeState &fake = fake_state();
};

// With the device open, and closed at the end.
class OpenFakeDevice : public FakeDevice {
protected:
    void SetUp() override {
        ibv_device **list = ibv_get_device_list(nullptr);
        ASSERT_NE(list, nullptr);
        ASSERT_NE(list[0], nullptr);
        context = ibv_open_device(list[0]);
        ibv_free_device_list(list);
        ASSERT_NE(context, nullptr) << verbs_last_error();
        pd = ibv_alloc_pd(context);
        ASSERT_NE(pd, nullptr);
        errno = kUntouched;
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_dealloc_pd(pd), 0);
        EXPECT_EQ(ibv_close_device(context), 0);
    }

    static constexpr int kUntouched = 7777;

    ibv_context *context = nullptr;
    ibv_pd *pd = nullptr;
};

// With a CQ on a channel and a QP.
class FakeQueues : public OpenFakeDevice {
protected:
    void SetUp() override {
        OpenFakeDevice::SetUp();
        channel = ibv_create_comp_channel(context);
        ASSERT_NE(channel, nullptr);
        cq = ibv_create_cq(context, 8, this, channel, 0);
        ASSERT_NE(cq, nullptr);
        ibv_qp_init_attr attr{};
        attr.send_cq = attr.recv_cq = cq;
        attr.qp_type = IBV_QPT_RC;
        attr.qp_context = this;
        qp = ibv_create_qp(pd, &attr);
        ASSERT_NE(qp, nullptr);
        errno = kUntouched;
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_TRUE(qp == nullptr || ibv_destroy_qp(qp) == 0);
        EXPECT_TRUE(cq == nullptr || ibv_destroy_cq(cq) == 0);
        EXPECT_EQ(ibv_destroy_comp_channel(channel), 0);
        OpenFakeDevice::TearDown();
    }

    ibv_comp_channel *channel = nullptr;
    ibv_cq *cq = nullptr;
    ibv_qp *qp = nullptr;
};

// Handles as another library makes them: every public function has to refuse them with EINVAL.
struct Foreign {
    ibv_context context{};
    ibv_pd pd{};
    ibv_mr mr{};
    ibv_mw mw{};
    ibv_comp_channel channel{};
    ibv_cq cq{};
    ibv_srq srq{};
    ibv_qp qp{};
    ibv_ah ah{};

    Foreign() {
        pd.context = mr.context = mw.context = channel.context = &context;
        cq.context = srq.context = qp.context = ah.context = &context;
    }
};

}  // namespace verbs_test
