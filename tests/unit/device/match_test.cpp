// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "device/match.hpp"

#include "support/kernel_picture.hpp"

#include <gtest/gtest.h>

using verbs::device::KernelDevice;
using verbs::device::Matcher;
using verbs::device::Sysfs;
using verbs::loader::Manifest;
using verbs::loader::Match;

namespace {

class MatchTest : public testing::Test {
protected:
    MatchTest() { device.name = "nic0"; }

    // Whether a manifest with this one entry names the device.
    bool is_named_by(Match match) {
        Manifest manifest;
        manifest.match = {std::move(match)};
        const Sysfs sysfs(picture.sysfs());
        return Matcher(device, sysfs).is_named_by(manifest);
    }
    bool is_named_by_driver(std::uint32_t id) {
        return is_named_by({Match::By::driver_id, id, ""});
    }
    bool is_named_by_pci(const std::string &pattern) {
        return is_named_by({Match::By::pci, 0, pattern});
    }
    bool is_named_by_modalias(const std::string &pattern) {
        return is_named_by({Match::By::modalias, 0, pattern});
    }

    verbs_test::KernelPicture picture;
    KernelDevice device;
};

}  // namespace

TEST_F(MatchTest, NamesADeviceByItsDriver) {
    device.driver_id = 14;
    EXPECT_TRUE(is_named_by_driver(14));
    EXPECT_FALSE(is_named_by_driver(18));
}

TEST_F(MatchTest, NamesNothingWithoutEntries) {
    device.driver_id = 14;
    const Sysfs sysfs(picture.sysfs());
    EXPECT_FALSE(Matcher(device, sysfs).is_named_by(Manifest()));
}

TEST_F(MatchTest, NamesADeviceByAnyOfItsEntries) {
    device.driver_id = 14;
    Manifest manifest;
    manifest.match = {{Match::By::pci, 0, "15b3:*"}, {Match::By::driver_id, 14, ""}};
    const Sysfs sysfs(picture.sysfs());
    EXPECT_TRUE(Matcher(device, sysfs).is_named_by(manifest));
}

TEST_F(MatchTest, NamesADeviceByVendorAndDevice) {
    picture.write("class/infiniband/nic0/device/modalias",
                  "pci:v000015B3d0000A2DCsv000015B3sd00000024bc02sc00i00");
    EXPECT_TRUE(is_named_by_pci("15b3:a2dc"));
    EXPECT_TRUE(is_named_by_pci("15B3:A2DC"));
    EXPECT_TRUE(is_named_by_pci("15b3:*"));
    EXPECT_TRUE(is_named_by_pci("*:*"));
    EXPECT_FALSE(is_named_by_pci("15b3:a2dd"));
    EXPECT_FALSE(is_named_by_pci("8086:*"));
}

TEST_F(MatchTest, NamesADeviceByItsModalias) {
    picture.write("class/infiniband/nic0/device/modalias", "virtio:d0000002Av00001AF4");
    EXPECT_TRUE(is_named_by_modalias("virtio:d0000002Av*"));
    EXPECT_FALSE(is_named_by_modalias("virtio:d0000002Bv*"));
    EXPECT_FALSE(is_named_by_pci("*:*"));
}

TEST_F(MatchTest, NamesNoDeviceWithoutABusByAPattern) {
    EXPECT_FALSE(is_named_by_modalias("*"));
    EXPECT_FALSE(is_named_by_pci("*:*"));
}

TEST(Driver, HasTheKernelsName) {
    KernelDevice device;
    device.driver_id = 14;
    EXPECT_EQ(describe_driver(device), "rxe (driver id 14)");
    device.driver_id = 19;
    EXPECT_EQ(describe_driver(device), "erdma (driver id 19)");
    device.driver_id = 0;
    EXPECT_EQ(describe_driver(device), "unknown (driver id 0)");
    device.driver_id = 4711;
    EXPECT_EQ(describe_driver(device), "unknown (driver id 4711)");
}
