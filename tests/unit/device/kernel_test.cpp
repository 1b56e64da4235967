// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/kernel.hpp"

#include "support/folder.hpp"

#include <gtest/gtest.h>

using verbs::device::kernel_device_count;

TEST(Kernel, HasNoDevicesWithoutItsFolder) {
    EXPECT_EQ(kernel_device_count("/nonexistent/infiniband"), 0);
}

TEST(Kernel, HasADevicePerEntry) {
    const verbs_test::Folder folder;
    EXPECT_EQ(kernel_device_count(folder.path()), 0);
    folder.write("mlx5_0", "");
    folder.write("rxe0", "");
    EXPECT_EQ(kernel_device_count(folder.path()), 2);
}
