// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "extended_device.hpp"

namespace {

class ExportedDeviceMemory : public verbs_test::ExtendedDevice {
protected:
    void SetUp() override {
        ExtendedDevice::SetUp();
        ibv_alloc_dm_attr attr{};
        attr.length = 64;
        dm = ibv_alloc_dm(context, &attr);
        ASSERT_NE(dm, nullptr) << verbs_last_error();
        errno = kUntouched;
    }
    void TearDown() override {
        fail_nothing();
        EXPECT_EQ(ibv_free_dm(dm), 0);
        ExtendedDevice::TearDown();
    }
    void expect_refusal(int code, const char *reason) {
        EXPECT_EQ(ibv_dm_export_dmabuf_fd(dm), -1);
        EXPECT_EQ(errno, code);
        EXPECT_STREQ(verbs_last_error(), reason);
    }
    ibv_dm *dm = nullptr;
};

}  // namespace

TEST_F(ExportedDeviceMemory, IsADescriptorOfTheProviders) {
    last.exported_fd = 17;
    EXPECT_EQ(ibv_dm_export_dmabuf_fd(dm), 17);
    last.exported_fd = 0;
    EXPECT_EQ(ibv_dm_export_dmabuf_fd(dm), 0);
    EXPECT_EQ(errno, kUntouched);
}

TEST_F(ExportedDeviceMemory, IsRefusedWhereThereIsNone) {
    fail("export_dm", EOPNOTSUPP, "no bus");
    expect_refusal(EOPNOTSUPP, "fake: export_dm: no bus");
    fail_nothing();
    last.exported_fd = -2;
    expect_refusal(EIO, "the provider delivered no descriptor");
    EXPECT_EQ(ibv_dm_export_dmabuf_fd(nullptr), -1);
    EXPECT_EQ(errno, EINVAL);
}
