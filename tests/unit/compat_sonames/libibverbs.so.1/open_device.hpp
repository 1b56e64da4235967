// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Fixtures with a device open through libibverbs.so.1: the null provider's, or a test's own.
#pragma once

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <infiniband/verbs.h>

class OpenDevice : public testing::Test {
protected:
    // libverbs reads these at the first call that needs a device.
    static void SetUpTestSuite() {
        setenv("VERBS_PROVIDERS", VERBS_TEST_MANIFESTS, 1);
        setenv("VERBS_NULL", "1", 1);
        setenv("VERBS_SOFT", "0", 1);
    }

    explicit OpenDevice(const char *name) : name_(name) {}

    void SetUp() override {
        ibv_device **list = ibv_get_device_list(nullptr);
        ASSERT_NE(nullptr, list);
        for (ibv_device **device = list; *device; ++device)
            if (std::strcmp(ibv_get_device_name(*device), name_) == 0) device_ = *device;
        if (device_) context_ = ibv_open_device(device_);
        ibv_free_device_list(list);
        ASSERT_NE(nullptr, context_) << name_;
    }

    void TearDown() override {
        if (context_) {
            EXPECT_EQ(0, ibv_close_device(context_));
        }
    }

    ibv_device *device_ = nullptr;
    ibv_context *context_ = nullptr;

private:
    const char *name_;
};

class NullDevice : public OpenDevice {
protected:
    NullDevice() : OpenDevice("null0") {}
};
