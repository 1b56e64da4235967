// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace {

class Import : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        last.importable_fd = ends[0];
    }
    void TearDown() override {
        ::close(ends[0]);
        ::close(ends[1]);
        ExtendedDevice::TearDown();
    }
    void expect_no_device(int fd, int code) {
        EXPECT_EQ(ibv_import_device(fd), nullptr);
        EXPECT_EQ(errno, code);
    }
    int ends[2] = {-1, -1};
};

}  // namespace

TEST_F(Import, OfADeviceIsAnotherContextOfTheOneThatKnowsTheDescriptor) {
    errno = kUntouched;
    ibv_context *imported = ibv_import_device(ends[0]);
    ASSERT_NE(imported, nullptr) << verbs_last_error();
    EXPECT_EQ(errno, kUntouched);
    EXPECT_NE(imported, context);
    EXPECT_EQ(imported->device, context->device);
    EXPECT_EQ(imported->cmd_fd, ends[0]);
    // The fake provider closes it.
    EXPECT_EQ(ibv_close_device(imported), 0);
    ends[0] = ::dup(ends[1]);
}

TEST_F(Import, OfADeviceLeavesNoneOpenThatDoesNotKnowTheDescriptor) {
    expect_no_device(ends[1], EINVAL);
    EXPECT_STREQ(verbs_last_error(), "cmd_fd is of no device that can be imported");
    EXPECT_EQ(fake.calls_of("open_device"), 2);
    EXPECT_EQ(fake.calls_of("close_device"), 1);
}

TEST_F(Import, OfADeviceNeedsADescriptorAndIsNotForThoseOfTheKernel) {
    expect_no_device(-1, EINVAL);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    expect_no_device(null, EOPNOTSUPP);
    ::close(null);
    EXPECT_EQ(fake.calls_of("import_device"), 0);
}

TEST_F(Import, OfADomainIsGivenBack) {
    ibv_pd *imported = ibv_import_pd(context, 33);
    ASSERT_NE(imported, nullptr) << verbs_last_error();
    EXPECT_EQ(imported->context, context);
    EXPECT_EQ(imported->handle, 33u);
    ibv_unimport_pd(imported);
    EXPECT_EQ(fake.calls_of("unimport_pd"), 1);
    EXPECT_EQ(fake.calls_of("dealloc_pd"), 0);
}

TEST_F(Import, OfARegionHasNoAddress) {
    ibv_mr *imported = ibv_import_mr(pd, 34);
    ASSERT_NE(imported, nullptr) << verbs_last_error();
    EXPECT_EQ(imported->context, context);
    EXPECT_EQ(imported->pd, pd);
    EXPECT_EQ(imported->addr, nullptr);
    EXPECT_EQ(imported->length, 44u);
    ibv_unimport_mr(imported);
    EXPECT_EQ(fake.calls_of("unimport_mr"), 1);
}

TEST_F(Import, OfDeviceMemoryIsGivenBack) {
    ibv_dm *imported = ibv_import_dm(context, 35);
    ASSERT_NE(imported, nullptr) << verbs_last_error();
    EXPECT_EQ(imported->context, context);
    ibv_unimport_dm(imported);
    EXPECT_EQ(fake.calls_of("unimport_dm"), 1);
}

TEST_F(Import, TellsWhyTheProviderRefused) {
    fail("import_pd", ENOENT, "no such domain");
    EXPECT_EQ(ibv_import_pd(context, 1), nullptr);
    EXPECT_EQ(errno, ENOENT);
    EXPECT_STREQ(verbs_last_error(), "fake: import_pd: no such domain");
    fail("import_mr", ENOENT);
    EXPECT_EQ(ibv_import_mr(pd, 1), nullptr);
    EXPECT_EQ(errno, ENOENT);
    fail("import_dm", EOPNOTSUPP);
    EXPECT_EQ(ibv_import_dm(context, 1), nullptr);
    EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST_F(Import, OfNothingIsRefused) {
    EXPECT_EQ(ibv_import_pd(nullptr, 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_import_mr(nullptr, 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
    EXPECT_EQ(ibv_import_dm(nullptr, 1), nullptr);
    EXPECT_EQ(errno, EINVAL);
    errno = kUntouched;
    ibv_unimport_pd(nullptr);
    ibv_unimport_mr(nullptr);
    ibv_unimport_dm(nullptr);
    EXPECT_EQ(errno, kUntouched);
}
